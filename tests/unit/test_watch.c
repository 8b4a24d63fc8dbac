/* SPDX-License-Identifier: ISC */
/* Watching the files of a configuration: each way to replace one (M09). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "conf/conf_read.h"
#include "conf/watch.h"

/* Inside a fresh directory, which is the working one. */
struct place {
	char dir[64];
	struct conf *c;
	struct watch *w;
};

static void
put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

static struct conf *
load(const char *dir, const char *more)
{
	char text[900], path[100];
	struct faults f;
	(void)snprintf(path, sizeof(path), "%s/w.conf", dir);
	(void)snprintf(text, sizeof(text),
	    "hostname = a.b\ndomains = \"%s/domains\"\n"
	    "aliases = \"%s/sub/aliases\"\nusers = \"%s/users\"\n%s",
	    dir, dir, dir, more);
	faults_init(&f);
	struct conf *c = conf_read(path, text, strlen(text), 0, &f);
	if (c == NULL)
		fail_msg("%s", buf_str(&f.text));
	/* The clock of files is coarse; the files here are older. */
	c->loaded_ms += 1000;
	return c;
}

static int
set_up(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	(void)snprintf(p->dir, sizeof(p->dir), "/tmp/test_watch.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	assert_int_equal(chdir(p->dir), 0);
	assert_int_equal(mkdir("sub", 0755), 0);
	put("w.conf", "1");
	put("domains", "1");
	put("sub/aliases", "1");
	p->c = load(p->dir, "");
	p->w = watch_open(p->c);
	*state = p;
	return 0;
}

static int
tear_down(void **state)
{
	struct place *p = *state;
	char command[100];
	watch_close(p->w);
	conf_unref(p->c);
	if (chdir("/") != 0)
		return -1;
	(void)snprintf(command, sizeof(command), "%s", p->dir);
	char *const argv[] = {"rm", "-rf", command, NULL};
	pid_t pid = fork();
	if (pid == 0) {
		(void)execvp("rm", argv);
		_exit(127);
	}
	(void)waitpid(pid, NULL, 0);
	free(p);
	return 0;
}

/* Was there an event, and does a file differ?  Events are queued by the
 * kernel before the call that made them returns. */
static int
told(struct watch *w)
{
	struct pollfd p = {.fd = watch_fd(w), .events = POLLIN};
	return poll(&p, 1, 0) == 1 ? watch_changed(w) : -1;
}

static void
test_quiet(void **state)
{
	struct place *p = *state;
	assert_true(watch_fd(p->w) >= 0);
	assert_int_equal(told(p->w), -1);
	assert_int_equal(watch_changed(p->w), 0);
	put("other", "x");
	assert_int_equal(told(p->w), 0);
}

static void
test_written(void **state)
{
	struct place *p = *state;
	put("w.conf", "22");
	assert_int_equal(told(p->w), 1);
	assert_int_equal(told(p->w), -1);
	assert_int_equal(watch_changed(p->w), 0);
	put("sub/aliases", "3");
	assert_int_equal(told(p->w), 1);
	assert_int_equal(chmod("domains", 0600), 0);
	assert_int_equal(told(p->w), 1);
}

static void
test_renamed_over(void **state)
{
	struct place *p = *state;
	put("w.conf.new", "1");
	assert_int_equal(rename("w.conf.new", "w.conf"), 0);
	assert_int_equal(told(p->w), 1);
	assert_int_equal(told(p->w), -1);
}

static void
test_M02_half_written(void **state)
{
	struct place *p = *state;
	assert_int_equal(unlink("w.conf"), 0);
	assert_int_equal(told(p->w), 1);
	/* Not before it is whole. */
	int fd = open("w.conf", O_WRONLY | O_CREAT | O_EXCL, 0644);
	assert_true(fd >= 0);
	assert_int_equal(told(p->w), 0);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(told(p->w), -1);
	assert_int_equal(close(fd), 0);
	assert_int_equal(told(p->w), 1);
}

static void
test_appears(void **state)
{
	struct place *p = *state;
	put("users", "x");
	assert_int_equal(told(p->w), 1);
	assert_int_equal(unlink("users"), 0);
	assert_int_equal(told(p->w), 1);
	put("later", "x");
	assert_int_equal(link("later", "users"), 0);
	assert_int_equal(told(p->w), 1);
}

static void
test_directory_replaced(void **state)
{
	struct place *p = *state;
	assert_int_equal(rename("sub", "old"), 0);
	assert_int_equal(told(p->w), 1);
	assert_int_equal(mkdir("sub", 0755), 0);
	assert_int_equal(told(p->w), 0);
	put("sub/aliases", "1");
	assert_int_equal(told(p->w), 1);
	/* The old place is no longer ours. */
	put("old/aliases", "2");
	assert_int_equal(told(p->w), -1);
}

/* As a kubelet does it: ..data is a link, swapped by rename. */
static void
test_M09_symlink_swap(void **state)
{
	struct place *p = *state;
	assert_int_equal(mkdir("..1", 0755), 0);
	assert_int_equal(mkdir("..2", 0755), 0);
	put("..1/w.conf", "1");
	put("..1/domains", "1");
	put("..2/w.conf", "2");
	put("..2/domains", "2");
	assert_int_equal(symlink("..1", "..data"), 0);
	assert_int_equal(unlink("w.conf"), 0);
	assert_int_equal(unlink("domains"), 0);
	assert_int_equal(symlink("..data/w.conf", "w.conf"), 0);
	assert_int_equal(symlink("..data/domains", "domains"), 0);
	assert_int_equal(told(p->w), 1);
	assert_int_equal(told(p->w), -1);
	assert_int_equal(symlink("..2", "..data_tmp"), 0);
	assert_int_equal(rename("..data_tmp", "..data"), 0);
	assert_int_equal(told(p->w), 1);
	assert_int_equal(told(p->w), -1);
	/* In place, where the links point to now; and no more before. */
	put("..2/w.conf", "33");
	assert_int_equal(told(p->w), 1);
	put("..1/w.conf", "44");
	assert_int_equal(told(p->w), -1);
}

static void
test_link_to_elsewhere(void **state)
{
	struct place *p = *state;
	char target[200];
	assert_int_equal(mkdir("live", 0755), 0);
	put("live/real", "1");
	(void)snprintf(target, sizeof(target), "%s/sub/../live/real", p->dir);
	assert_int_equal(symlink(target, "users"), 0);
	assert_int_equal(told(p->w), 1);
	put("live/real", "22");
	assert_int_equal(told(p->w), 1);
	assert_int_equal(symlink("loop", "loop"), 0);
	assert_int_equal(rename("loop", "users"), 0);
	assert_int_equal(told(p->w), 1);
}

static void
test_M05_burst(void **state)
{
	struct place *p = *state;
	char name[20];
	for (int i = 0; i < 3000; i++) {
		(void)snprintf(name, sizeof(name), "f%d", i % 50);
		put(name, "x");
		if (i % 100 == 0)
			put("domains", name);
	}
	assert_int_equal(told(p->w), 1);
	assert_int_equal(told(p->w), -1);
}

static void
test_follow(void **state)
{
	struct place *p = *state;
	char more[400];
	(void)snprintf(more, sizeof(more),
	    "tls { certificate = \"%s/c\" key = \"%s/k\" }\n"
	    "smarthost { hosts = a user = u secret-file = \"%s/s\" }\n",
	    p->dir, p->dir, p->dir);
	put("c", "1");
	put("domains", "22");
	struct conf *c = load(p->dir, more);
	/* What changed before is still told afterwards. */
	assert_int_equal(watch_follow(p->w, c), 0);
	conf_unref(p->c);
	p->c = c;
	assert_int_equal(told(p->w), 1);
	put("c", "22");
	assert_int_equal(told(p->w), 1);
	put("k", "1");
	assert_int_equal(told(p->w), 1);
	put("s", "1");
	assert_int_equal(told(p->w), 1);
}

/* A file that changed between the load and the watch. */
static void
test_changed_before(void **state)
{
	struct place *p = *state;
	p->c->loaded_ms = clock_wall_ms() - 1000000;
	struct watch *w = watch_open(p->c);
	assert_int_equal(watch_changed(w), 1);
	assert_int_equal(watch_changed(w), 0);
	watch_close(w);
}

static void
test_without_inotify(void **state)
{
	struct place *p = *state;
	struct rlimit old, none;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	struct watch *w = watch_open(p->c);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(watch_fd(w), -1);
	assert_int_equal(watch_changed(w), 0);
	put("w.conf", "22");
	assert_int_equal(watch_changed(w), 1);
	assert_int_equal(watch_changed(w), 0);
	watch_close(w);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_quiet),
	    TEST(test_written),
	    TEST(test_renamed_over),
	    TEST(test_M02_half_written),
	    TEST(test_appears),
	    TEST(test_directory_replaced),
	    TEST(test_M09_symlink_swap),
	    TEST(test_link_to_elsewhere),
	    TEST(test_M05_burst),
	    TEST(test_follow),
	    TEST(test_changed_before),
	    TEST(test_without_inotify),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
