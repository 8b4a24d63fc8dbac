/* SPDX-License-Identifier: ISC */
/*
 * smtpd/sandbox.h: a child enters and tries what an intruder would (N05,
 * N17, N18).  Landlock holds for root, too; what this kernel has not is
 * skipped.
 */
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/un.h>

#include "sandbox_probe.h"

static int
reads_no_file(void)
{
	CHECK(errno_of(open("/etc/passwd", O_RDONLY)) == EACCES);
	CHECK(errno_of(open("/etc", O_RDONLY)) == EACCES);
	CHECK(errno_of(open("/proc/self/mem", O_RDWR)) == EACCES);
	CHECK(try_open("secrets/smarthost", O_RDONLY) == EACCES);
	CHECK(try_open("waypost.conf", O_RDONLY) == EACCES);
	CHECK(try_open("state", O_RDONLY) == EACCES);
	CHECK(try_open("drop/mail", O_RDONLY) == EACCES);
	CHECK(try_open("queue/new", O_RDONLY) == EACCES);
	CHECK(try_open("queue/new/mail-of-others", O_RDONLY) == EACCES);
	CHECK(errno_of(open("/proc/1/environ", O_RDONLY)) == EACCES);
	return 0;
}

static int
changes_no_file(void)
{
	const struct store *s = &place.sp.s;
	const char *mail = "mail-of-others";
	CHECK(try_open("etc/waypost.conf", O_WRONLY) == EACCES);
	CHECK(try_open("etc/users", O_RDONLY | O_TRUNC) == EACCES);
	CHECK(try_open("etc/more", O_WRONLY | O_CREAT) == EACCES);
	CHECK(try_open("drop/more", O_WRONLY | O_CREAT) == EACCES);
	CHECK(errno_of(open(lonely, O_WRONLY)) == EACCES);
	CHECK(errno_of(openat(s->new_fd, mail, O_WRONLY)) == EACCES);
	CHECK(errno_of(unlinkat(s->new_fd, mail, 0)) == EACCES);
	CHECK(errno_of(renameat(s->new_fd, mail, s->tmp_fd, "mine")) != 0);
	CHECK(errno_of(mkdirat(s->tmp_fd, "d", 0700)) != 0);
	CHECK(errno_of(symlinkat("/etc/passwd", s->tmp_fd, "l")) != 0);
	CHECK(errno_of(linkat(s->new_fd, mail, s->tmp_fd, "l", 0)) != 0);
	return 0;
}

/* A configuration that the sandbox was not made for; a file among those of
 * everybody that was replaced. */
static int
knows_what_it_cannot_reach(void)
{
	char *users = place.c->users, *key = place.c->tls.key;
	CHECK(sandbox_reaches(place.c));
	place.c->users = place_path(&place, "secrets/smarthost");
	CHECK(!sandbox_reaches(place.c));
	place.c->users = users;
	/* What is not there is another's fault. */
	place.c->tls.key = place_path(&place, "secrets/none");
	CHECK(sandbox_reaches(place.c));
	place.c->tls.key = key;
	CHECK(have_replaced() == 0);
	CHECK(!sandbox_reaches(place.c));
	return 0;
}

static int
connects_nowhere(void)
{
	struct sockaddr_in sin = loopback(0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(try_connect(25) == EACCES && try_connect(443) == EACCES);
	CHECK(
	    errno_of(bind(fd, (struct sockaddr *)&sin, sizeof(sin))) == EACCES);
	CHECK(errno_of(listen(fd, 1)) == EPERM);
	return 0;
}

/* A socket in the name space of everybody, by a process's number. */
static socklen_t
abstract(struct sockaddr_un *sun, pid_t pid)
{
	*sun = (struct sockaddr_un){.sun_family = AF_UNIX};
	(void)snprintf(sun->sun_path + 1, 16, "waypost%08x", (unsigned)pid);
	return sizeof(sa_family_t) + 16;
}

static int
reaches_no_process(void)
{
	struct sockaddr_un sun;
	socklen_t len = abstract(&sun, getppid());
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(errno_of(connect(fd, (struct sockaddr *)&sun, len)) == EPERM);
	CHECK(errno_of(kill(getppid(), 0)) == EPERM);
	CHECK(errno_of((int)syscall(SYS_tgkill, getppid(), getppid(), 0)) ==
	      EPERM);
	return 0;
}

static int
gets_eperm(void)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct rlimit limit = {1, 1};
	int pair[2];
	CHECK(errno_of(mprotect(page, 4096, PROT_READ | PROT_EXEC)) == EPERM);
	CHECK(mmap(NULL, 4096, PROT_READ | PROT_EXEC,
		  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	CHECK(errno_of((int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)) == EPERM);
	CHECK(errno_of((int)syscall(SYS_clone3, NULL, 0)) == ENOSYS);
	CHECK(errno_of(socket(AF_NETLINK, SOCK_RAW, 0)) == EPERM);
	CHECK(errno_of(socket(AF_VSOCK, SOCK_STREAM, 0)) == EPERM);
	CHECK(errno_of(socketpair(AF_TIPC, SOCK_STREAM, 0, pair)) == EPERM);
	CHECK(errno_of((int)syscall(SYS_setuid, 0)) == EPERM);
	CHECK(errno_of(prctl(PR_SET_DUMPABLE, 1)) == EPERM);
	CHECK(errno_of(setrlimit(RLIMIT_CORE, &limit)) == EPERM);
	CHECK(errno_of(ioctl(0, TIOCSTI, "x")) == EPERM);
	CHECK(errno_of((int)syscall(SYS_memfd_create, "x", 0)) == EPERM);
	CHECK(errno_of((int)syscall(SYS_fchmodat, -1, lonely, 0777)) == EPERM);
	CHECK(errno_of((int)syscall(600)) == EPERM);
	return 0;
}

static const struct {
	const char *name;
	long call, argument;
} deadly[] = {
    {"execve", SYS_execve, 0},
    {"execveat", SYS_execveat, -1},
    {"ptrace", SYS_ptrace, 0},
    {"process_vm_readv", SYS_process_vm_readv, 1},
    {"process_vm_writev", SYS_process_vm_writev, 1},
    {"pidfd_getfd", SYS_pidfd_getfd, -1},
    {"mount", SYS_mount, 0},
    {"umount2", SYS_umount2, 0},
    {"open_tree", SYS_open_tree, -1},
    {"chroot", SYS_chroot, 0},
    {"unshare", SYS_unshare, 0},
    {"setns", SYS_setns, -1},
    {"bpf", SYS_bpf, -1},
    {"perf_event_open", SYS_perf_event_open, 0},
    {"userfaultfd", SYS_userfaultfd, 0},
    {"io_uring_setup", SYS_io_uring_setup, 0},
    {"init_module", SYS_init_module, 0},
    {"keyctl", SYS_keyctl, 0},
    {"socket(AF_PACKET)", SYS_socket, AF_PACKET},
};
static size_t now; /* which of them */

static int
tries_it(void)
{
	(void)syscall(deadly[now].call, deadly[now].argument, 0, 0, 0, 0, 0);
	return 0;
}

static int
does_nothing(void)
{
	return 0;
}

static void
test_N18_files(void **state)
{
	(void)state;
	if (landlock < 3)
		skip();
	assert_int_equal(inside(reads_no_file, false), 0);
	assert_int_equal(inside(changes_no_file, false), 0);
	assert_int_equal(inside(knows_what_it_cannot_reach, true), 0);
}

static void
test_N05_connections(void **state)
{
	(void)state;
	struct sockaddr_un sun;
	socklen_t len = abstract(&sun, getpid());
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (landlock < 6)
		skip();
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, len), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(inside(connects_nowhere, false), 0);
	assert_int_equal(inside(reaches_no_process, false), 0);
	(void)close(fd);
}

static void
test_N17_calls(void **state)
{
	(void)state;
	assert_int_equal(inside(does_nothing, false), 0);
	assert_int_equal(inside(gets_eperm, false), 0);
	for (now = 0; now < sizeof(deadly) / sizeof(deadly[0]); now++) {
		int status = inside(tries_it, false);
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
			fail_msg("%s: status %x", deadly[now].name,
			    (unsigned)status);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_N18_files),
	    cmocka_unit_test(test_N05_connections),
	    cmocka_unit_test(test_N17_calls),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
