/* SPDX-License-Identifier: ISC */
/*
 * sendmail -q: one run of the queue.  Where a daemon serves it, an order to
 * it, placed as the owner of the spool; else the daemon itself, for one run:
 * the only exec of this program.  Neither by a process that carries rights
 * its caller has not.
 */
#include "jobs.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/identity.h"
#include "queue/order.h"
#include "queue/store.h"
#include "start.h"
#include "tell.h"

/* waypostd is installed beside this program. */
static int
find_waypostd(char path[PATH_MAX])
{
	static const char name[] = "waypostd";
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - sizeof(name));
	if (n <= 0)
		return -1;
	while (n > 0 && path[n - 1] != '/')
		n--;
	memcpy(path + n, name, sizeof(name));
	return 0;
}

static bool
is_served(const struct conf *c)
{
	struct store store;
	if (store_open(&store, c->spool) != 0)
		return false;
	bool served = store_served(&store);
	store_close(&store);
	return served;
}

static int
order_flush(const struct options *o, const struct conf *c)
{
	const struct order order = {.verb = ORDER_FLUSH};
	char id[BATCH_ID_LEN + 1];
	if (identity_become_owner(c->spool, false) != 0)
		return EX_NOPERM;
	int dir_fd = order_directory(c->spool);
	if (dir_fd >= 0 && order_place(dir_fd, &order, id) == 0)
		return EX_OK;
	tell(o->program, "cannot tell waypostd: %s", strerror(errno));
	return EX_UNAVAILABLE;
}

int
flush_run(const struct options *o, const struct conf *c)
{
	char path[PATH_MAX];
	if (getuid() != 0 && start_privileged()) {
		tell(o->program, "-q is for root: waypostd tries again by "
				 "itself when the time has come");
		return EX_NOPERM;
	}
	bool served = is_served(c);
	start_drop_group();
	if (served)
		return order_flush(o, c);
	if (find_waypostd(path) == 0) {
		char *argv[] = {"waypostd", "--drain", NULL, NULL, NULL};
		if (o->config != NULL) {
			argv[2] = "-C";
			argv[3] = (char *)(uintptr_t)o->config;
		}
		(void)alarm(0);
		(void)execv(path, argv);
	}
	tell(o->program, "cannot run waypostd: %s; start it as a service",
	    strerror(errno));
	return EX_UNAVAILABLE;
}
