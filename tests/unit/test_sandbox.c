/* SPDX-License-Identifier: ISC */
/*
 * smtpd/sandbox.h: what a worker does must go on inside of it.  What an
 * intruder tries is test_sandbox_intruder's.
 */
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>

#include "sandbox_probe.h"

static int listener, client;

static int
queues(void)
{
	struct draft d;
	struct envelope e;
	place_envelope(&e, "a@b.test", "c@d.test");
	CHECK(draft_create(&place.sp.s, &d, NULL) == 0);
	CHECK(batch_begin(&d.writer, &e) == 0);
	CHECK(batch_data(&d.writer, "x: y\r\n\r\n", 8) == 0);
	CHECK(batch_end(&d.writer) == 0);
	CHECK(draft_commit(&d) == 0);
	envelope_free(&e);
	CHECK(draft_create(&place.sp.s, &d, NULL) == 0);
	draft_discard(&d);
	return 0;
}

/* Also what was replaced, and what a link leads to. */
static int
reads_its_configuration(void)
{
	static const char *const t[] = {"etc/waypost.conf", "etc/domains",
	    "etc/users", "tls/key", "tls/crt"};
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
			CHECK(try_open(t[i], O_RDONLY) == 0);
		CHECK(open(lonely, O_RDONLY) >= 0);
		CHECK(sandbox_reaches(place.c));
		CHECK(round == 1 || have_replaced() == 0);
	}
	return 0;
}

static int
reads_system_files(void)
{
	static const char *const t[] = {"/etc/resolv.conf", "/etc/hosts",
	    "/etc/localtime", "/usr/share/zoneinfo/UTC",
	    "/usr/share/dns/root.key"};
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		CHECK(open(t[i], O_RDONLY) >= 0 || errno == ENOENT);
	return 0;
}

static int
looks_at_the_drop_directory(void)
{
	char path[512];
	(void)snprintf(path, sizeof(path), "%s/drop", place.sp.path);
	DIR *d = opendir(path);
	struct stat st;
	CHECK(d != NULL && readdir(d) != NULL);
	CHECK(fstatat(dirfd(d), "mail", &st, 0) == 0 && st.st_size == 1);
	(void)closedir(d);
	return 0;
}

static void *
in_thread(void *arg)
{
	(void)pthread_setname_np(pthread_self(), "waypost");
	/* It is inside, too. */
	int fd = open("/etc/passwd", O_RDONLY);
	return fd < 0 || landlock < 2 ? NULL : arg;
}

static int
runs_threads(void)
{
	for (int i = 0; i < 3; i++) {
		pthread_t t;
		void *result;
		CHECK(pthread_create(&t, NULL, in_thread, &landlock) == 0);
		CHECK(pthread_join(t, &result) == 0 && result == NULL);
	}
	return 0;
}

static int
waits_and_allocates(void)
{
	char bytes[16];
	struct epoll_event ev = {.events = EPOLLIN};
	struct timespec ts = {0, 1000};
	struct rlimit limit;
	int e = epoll_create1(EPOLL_CLOEXEC), v = eventfd(1, EFD_CLOEXEC);
	CHECK(e >= 0 && v >= 0 && epoll_ctl(e, EPOLL_CTL_ADD, v, &ev) == 0);
	CHECK(epoll_wait(e, &ev, 1, 0) == 1);
	CHECK(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC) >= 0);
	CHECK(getrandom(bytes, sizeof(bytes), 0) == sizeof(bytes));
	CHECK(nanosleep(&ts, NULL) == 0 && clock_gettime(0, &ts) == 0);
	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	for (size_t n = 1; n < 64 << 20; n *= 4) {
		char *p = malloc(n);
		CHECK(p != NULL);
		memset(p, 1, n);
		free(p);
	}
	int i = inotify_init1(IN_CLOEXEC);
	CHECK(i >= 0 && inotify_add_watch(i, place.sp.path, IN_CREATE) >= 0);
	CHECK(flock(place.sp.s.tmp_fd, LOCK_SH) == 0);
	time_t now = time(NULL);
	CHECK(localtime(&now) != NULL);
	return 0;
}

/* As the parent hands over listening sockets. */
static int
pass(int through, int fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} u = {0};
	struct iovec iov = {"x", 1};
	struct msghdr m = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = u.room,
	    .msg_controllen = sizeof(u.room)};
	u.head = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
	    .cmsg_type = SCM_RIGHTS,
	    .cmsg_len = CMSG_LEN(sizeof(int))};
	memcpy(CMSG_DATA(&u.head), &fd, sizeof(fd));
	return sendmsg(through, &m, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

static int
take(int through)
{
	char room[CMSG_SPACE(sizeof(int))], c;
	struct iovec iov = {&c, 1};
	struct msghdr m = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = room,
	    .msg_controllen = sizeof(room)};
	return recvmsg(through, &m, MSG_CMSG_CLOEXEC) == 1 &&
		       m.msg_controllen == sizeof(room)
		   ? 0
		   : -1;
}

static int
serves_clients(void)
{
	const int on = 1;
	char c = 'x';
	int pair[2];
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	CHECK(fd >= 0);
	CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
	CHECK(send(fd, "220", 3, MSG_NOSIGNAL) == 3);
	CHECK(read(client, &c, 1) == 1 && c == '2');
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	CHECK(pass(pair[0], fd) == 0 && take(pair[1]) == 0);
	return 0;
}

/* UDP from any port; TCP to the ports of name servers. */
static int
asks_name_servers(void)
{
	struct sockaddr_in sin = loopback(0);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CHECK(bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0);
	sin = loopback(5300);
	CHECK(sendto(fd, "x", 1, 0, (struct sockaddr *)&sin, sizeof(sin)) == 1);
	CHECK(try_connect(53) != EACCES && try_connect(5300) != EACCES);
	return 0;
}

static void
test_a_worker_works(void **state)
{
	static int (*const t[])(void) = {queues, reads_its_configuration,
	    reads_system_files, looks_at_the_drop_directory, runs_threads,
	    waits_and_allocates, serves_clients, asks_name_servers};
	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		int status = inside(t[i], false);
		if (status != 0)
			fail_msg("need %zu: status %x", i, (unsigned)status);
	}
}

static void *
wait_for_ever(void *arg)
{
	(void)pause();
	return arg;
}

static void
test_not_behind_threads(void **state)
{
	int status;
	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		pthread_t t;
		(void)pthread_create(&t, NULL, wait_for_ever, NULL);
		_exit(sandbox_enter(place.c) == -1 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int
open_sockets(void **state)
{
	struct sockaddr_in sin = loopback(0);
	socklen_t len = sizeof(sin);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(listen(listener, 5), 0);
	assert_int_equal(
	    getsockname(listener, (struct sockaddr *)&sin, &len), 0);
	assert_int_equal(connect(client, (struct sockaddr *)&sin, len), 0);
	return set_up(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_worker_works),
	    cmocka_unit_test(test_not_behind_threads),
	};
	return cmocka_run_group_tests(tests, open_sockets, tear_down);
}
