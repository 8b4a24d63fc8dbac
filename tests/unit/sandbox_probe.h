/* SPDX-License-Identifier: ISC */
/*
 * A place with a configuration, files that are nobody's business, and
 * children that enter the sandbox there and try something.  Not a test
 * itself.
 */
#ifndef TESTS_SANDBOX_PROBE_H
#define TESTS_SANDBOX_PROBE_H

#include <arpa/inet.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "place.h"

#include "smtpd/sandbox.h"

/* In a child: say which line it is, and fail. */
#define CHECK(condition)                                                       \
	do {                                                                   \
		if (!(condition)) {                                            \
			(void)dprintf(2, "line %d: %s (errno %d)\n", __LINE__, \
			    #condition, errno);                                \
			return 1;                                              \
		}                                                              \
	} while (0)

static struct place place;
static int landlock; /* the kernel's version, -1 for none */
static int to_us[2], to_child[2];
static char lonely[] = "/tmp/waypost-lonely-XXXXXX"; /* /tmp is shared */

UNUSED_OK static int
errno_of(int result)
{
	return result < 0 ? errno : 0;
}

/* What opening a file of the place says; 0 when it can be opened. */
UNUSED_OK static int
try_open(const char *name, int flags)
{
	char path[512];
	(void)snprintf(path, sizeof(path), "%s/%s", place.sp.path, name);
	return errno_of(open(path, flags | O_CLOEXEC, 0600));
}

UNUSED_OK static struct sockaddr_in
loopback(unsigned port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* What connect() by TCP says; perhaps nobody listens there. */
UNUSED_OK static int
try_connect(unsigned port)
{
	struct sockaddr_in sin = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int error = errno_of(connect(fd, (struct sockaddr *)&sin, sizeof(sin)));
	(void)close(fd);
	return error;
}

/* In a child: have our parent replace files, as editors do. */
UNUSED_OK static int
have_replaced(void)
{
	char c = 'r';
	CHECK(write(to_us[1], &c, 1) == 1 && read(to_child[0], &c, 1) == 1);
	return 0;
}

static void
replace(const char *path)
{
	char fresh[600];
	(void)snprintf(fresh, sizeof(fresh), "%s.new", path);
	file_write(AT_FDCWD, fresh, "new", 3);
	assert_int_equal(rename(fresh, path), 0);
}

static void
replace_all(bool everybodys)
{
	char *users = place_path(&place, "etc/users");
	char *target = place_path(&place, "real/crt");
	replace(users);
	replace(target);
	if (everybodys)
		replace(lonely);
	free(users);
	free(target);
}

/* The status of a child that entered and did this; the lonely file is
 * among those that it may have replaced. */
UNUSED_OK static int
inside(int (*probe)(void), bool everybodys)
{
	char c;
	int status;
	assert_int_equal(pipe(to_us), 0);
	assert_int_equal(pipe(to_child), 0);
	pid_t pid = fork();
	if (pid == 0) {
		(void)close(to_us[0]);
		_exit(sandbox_enter(place.c) == 0 ? probe() : 99);
	}
	(void)close(to_us[1]);
	if (read(to_us[0], &c, 1) == 1) {
		replace_all(everybodys);
		assert_int_equal(write(to_child[1], &c, 1), 1);
	}
	(void)close(to_us[0]);
	(void)close(to_child[0]);
	(void)close(to_child[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* What the configuration names, and beside it what it does not. */
UNUSED_OK static int
set_up(void **state)
{
	static const char *const directories[] = {
	    "etc", "tls", "real", "secrets"};
	static const char *const files[] = {"etc/users", "tls/key", "real/crt",
	    "secrets/smarthost", "drop/mail", "queue/new/mail-of-others"};
	(void)state;
	landlock = (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	place_open(&place, "", PLACE_DIRECTORIES);
	for (size_t i = 0; i < sizeof(directories) / sizeof(char *); i++)
		(void)close(place_dir(&place, directories[i]));
	for (size_t i = 0; i < sizeof(files) / sizeof(char *); i++)
		place_text(&place, files[i], "x");
	int fd = mkstemp(lonely);
	assert_true(fd >= 0);
	(void)close(fd);
	char *crt = place_path(&place, "tls/crt");
	assert_int_equal(symlink("../real/crt", crt), 0);
	free(crt);
	place_conf(&place, "pickup { directory = \"@PLACE@/pickup\" }\n"
			   "drop { directory = \"@PLACE@/drop\" quota = 1M }\n"
			   "users = \"@PLACE@/etc/users\"\n"
			   "tls { certificate = \"@PLACE@/tls/crt\" "
			   "key = \"@PLACE@/tls/key\" }\n"
			   "dns { servers = { \"127.0.0.1@5300\" } }\n");
	/* What lies in the place itself would open all of it. */
	free(place.c->aliases);
	place.c->aliases = strdup(lonely);
	free(place.c->domains);
	place.c->domains = place_path(&place, "etc/domains");
	free(place.c->path);
	place.c->path = place_path(&place, "etc/waypost.conf");
	place_text(&place, "etc/domains", "");
	place_text(&place, "etc/waypost.conf", "");
	return 0;
}

UNUSED_OK static int
tear_down(void **state)
{
	(void)state;
	(void)unlink(lonely);
	place_close(&place);
	return 0;
}

#endif
