/* SPDX-License-Identifier: ISC */
/*
 * Hands an order to waypostd.  Not what it means.  The order is durable
 * before anything is said; from then on it is carried out whether this
 * program lives or not.
 */
#include "order_send.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"

/* Orders are carried out at once, but for recipients under way. */
#define ORDER_PATIENCE_MS (10 * 1000LL)

static bool
is_served(const struct conf *c)
{
	struct store s;
	if (store_open(&s, c->spool) != 0)
		return false;
	bool served = store_served(&s);
	store_close(&s);
	return served;
}

/* true: its file is gone, so it was carried out. */
static bool
wait_until_gone(int dir_fd, int bell, const char *id)
{
	char events[4096];
	int64_t end = clock_mono_ms() + ORDER_PATIENCE_MS, left;
	while (faccessat(dir_fd, id, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		struct pollfd p = {.fd = bell, .events = POLLIN};
		left = end - clock_mono_ms();
		if (left <= 0)
			return false;
		/* Without a bell, look ten times a second. */
		(void)poll(&p, 1, bell < 0 && left > 100 ? 100 : (int)left);
		if (p.revents != 0 && io_read(bell, events, sizeof(events)) < 0)
			return false;
	}
	return true;
}

static int
watch(int dir_fd)
{
	char path[64];
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", dir_fd);
	if (fd >= 0 && inotify_add_watch(fd, path, IN_DELETE) < 0) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

static int
place(const struct conf *c, int dir_fd, int bell, const struct order *o)
{
	char id[BATCH_ID_LEN + 1];
	if (order_place(dir_fd, o, id) != 0) {
		(void)fprintf(stderr, "waypost: cannot place the order: %s\n",
		    strerror(errno));
		return EX_CANTCREAT;
	}
	if (!is_served(c)) {
		(void)fprintf(stderr,
		    "waypost: waypostd is not running: it will be done when "
		    "it starts\n");
		return EX_OK;
	}
	if (wait_until_gone(dir_fd, bell, id))
		return EX_OK;
	(void)fprintf(stderr,
	    "waypost: not done yet: a delivery is under way, or waypostd is "
	    "in trouble (see its log); the order stands\n");
	return EX_TEMPFAIL;
}

int
order_send(const struct conf *c, const struct order *o)
{
	int dir_fd = order_directory(c->spool);
	if (dir_fd < 0) {
		(void)fprintf(stderr, "waypost: cannot give orders in %s: %s\n",
		    c->spool, strerror(errno));
		return errno == EACCES || errno == EPERM ? EX_NOPERM
							 : EX_CONFIG;
	}
	int bell = watch(dir_fd);
	int code = place(c, dir_fd, bell, o);
	if (bell >= 0)
		(void)close(bell);
	(void)close(dir_fd);
	return code;
}
