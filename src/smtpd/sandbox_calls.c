/* SPDX-License-Identifier: ISC */
/*
 * The system calls that a worker may make, by libseccomp.  Which files and
 * ports they reach is for Landlock (sandbox_paths.c).
 *
 * An allow-list: what is not in it fails with EPERM, so that a library that
 * tries something new gets an error it can live with.  What only an
 * intruder asks for ends the process.  clone3 says ENOSYS: its flags lie in
 * memory, where no filter sees them, and libc then takes clone.
 */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "smtpd/sandbox_internal.h"

#define CALL(name) SCMP_SYS(name)

static const int files[] = {CALL(open), CALL(openat), CALL(close),
    CALL(close_range), CALL(read), CALL(readv), CALL(pread64), CALL(preadv),
    CALL(write), CALL(writev), CALL(pwrite64), CALL(pwritev), CALL(pwritev2),
    CALL(lseek), CALL(_llseek), CALL(fsync), CALL(fdatasync),
    CALL(sync_file_range), CALL(ftruncate), CALL(ftruncate64), CALL(fallocate),
    CALL(fadvise64), CALL(fadvise64_64), CALL(flock), CALL(fcntl),
    CALL(fcntl64), CALL(dup), CALL(dup2), CALL(dup3), CALL(stat), CALL(stat64),
    CALL(fstat), CALL(fstat64), CALL(lstat), CALL(lstat64), CALL(newfstatat),
    CALL(fstatat64), CALL(statx), CALL(statfs), CALL(statfs64), CALL(fstatfs),
    CALL(fstatfs64), CALL(access), CALL(faccessat), CALL(faccessat2),
    CALL(readlink), CALL(readlinkat), CALL(getdents64), CALL(getcwd),
    CALL(rename), CALL(renameat), CALL(renameat2), CALL(unlink), CALL(unlinkat),
    CALL(fchmod), CALL(umask), CALL(inotify_init1), CALL(inotify_add_watch),
    CALL(inotify_rm_watch)};

/* The families of socket() are told below; there is no listen(). */
static const int sockets[] = {CALL(accept), CALL(accept4), CALL(connect),
    CALL(bind), CALL(getsockname), CALL(getpeername), CALL(getsockopt),
    CALL(setsockopt), CALL(shutdown), CALL(send), CALL(sendto), CALL(sendmsg),
    CALL(sendmmsg), CALL(recv), CALL(recvfrom), CALL(recvmsg), CALL(recvmmsg),
    CALL(recvmmsg_time64)};

static const int waiting[] = {CALL(poll), CALL(ppoll), CALL(ppoll_time64),
    CALL(select), CALL(_newselect), CALL(pselect6), CALL(pselect6_time64),
    CALL(epoll_create), CALL(epoll_create1), CALL(epoll_ctl), CALL(epoll_wait),
    CALL(epoll_pwait), CALL(epoll_pwait2), CALL(eventfd2), CALL(timerfd_create),
    CALL(timerfd_settime), CALL(timerfd_settime64), CALL(timerfd_gettime),
    CALL(pipe), CALL(pipe2), CALL(nanosleep), CALL(clock_nanosleep),
    CALL(clock_nanosleep_time64), CALL(clock_gettime), CALL(clock_gettime64),
    CALL(clock_getres), CALL(gettimeofday), CALL(time), CALL(alarm),
    CALL(setitimer)};

static const int itself[] = {CALL(brk), CALL(munmap), CALL(mremap),
    CALL(madvise), CALL(futex), CALL(futex_time64), CALL(futex_waitv),
    CALL(set_robust_list), CALL(get_robust_list), CALL(set_tid_address),
    CALL(rseq), CALL(membarrier), CALL(sched_yield), CALL(sched_getaffinity),
    CALL(getcpu), CALL(rt_sigaction), CALL(rt_sigprocmask), CALL(rt_sigreturn),
    CALL(rt_sigpending), CALL(rt_sigtimedwait), CALL(rt_sigsuspend),
    CALL(sigaltstack), CALL(sigreturn), CALL(restart_syscall), CALL(exit),
    CALL(exit_group), CALL(getpid), CALL(getppid), CALL(gettid), CALL(getuid),
    CALL(getuid32), CALL(geteuid), CALL(geteuid32), CALL(getgid),
    CALL(getgid32), CALL(getegid), CALL(getegid32), CALL(getresuid),
    CALL(getresuid32), CALL(getresgid), CALL(getresgid32), CALL(getgroups),
    CALL(getgroups32), CALL(getrandom), CALL(getrusage), CALL(getrlimit),
    CALL(ugetrlimit), CALL(sysinfo), CALL(times), CALL(uname)};

/* Nobody here has a use for these, whatever their arguments. */
static const int deadly[] = {CALL(execve), CALL(execveat), CALL(ptrace),
    CALL(process_vm_readv), CALL(process_vm_writev), CALL(process_madvise),
    CALL(pidfd_getfd), CALL(kcmp), CALL(mount), CALL(umount), CALL(umount2),
    CALL(pivot_root), CALL(move_mount), CALL(open_tree), CALL(fsopen),
    CALL(fsmount), CALL(fsconfig), CALL(fspick), CALL(mount_setattr),
    CALL(chroot), CALL(setns), CALL(unshare), CALL(bpf), CALL(perf_event_open),
    CALL(userfaultfd), CALL(io_uring_setup), CALL(io_uring_enter),
    CALL(io_uring_register), CALL(init_module), CALL(finit_module),
    CALL(delete_module), CALL(kexec_load), CALL(kexec_file_load), CALL(reboot),
    CALL(swapon), CALL(swapoff), CALL(add_key), CALL(request_key), CALL(keyctl),
    CALL(open_by_handle_at), CALL(iopl), CALL(ioperm), CALL(modify_ldt)};

#define COUNT(v) (sizeof(v) / sizeof((v)[0]))

static int
add_all(scmp_filter_ctx filter, uint32_t action, const int *v, size_t n)
{
	int error = 0;
	for (size_t i = 0; i < n && error == 0; i++)
		error = seccomp_rule_add(filter, action, v[i], 0);
	return error;
}

/* Calls that depend on one argument. */
static int
add_conditions(scmp_filter_ctx filter)
{
	const unsigned long thread = CLONE_VM | CLONE_THREAD;
	const struct {
		int call;
		struct scmp_arg_cmp when;
	} v[] = {
	    {CALL(socket), SCMP_A0(SCMP_CMP_EQ, AF_UNIX)},
	    {CALL(socket), SCMP_A0(SCMP_CMP_EQ, AF_INET)},
	    {CALL(socket), SCMP_A0(SCMP_CMP_EQ, AF_INET6)},
	    {CALL(socketpair), SCMP_A0(SCMP_CMP_EQ, AF_UNIX)},
	    {CALL(ioctl), SCMP_A1(SCMP_CMP_EQ, FIONBIO)},
	    {CALL(ioctl), SCMP_A1(SCMP_CMP_EQ, FIONREAD)},
	    {CALL(ioctl), SCMP_A1(SCMP_CMP_EQ, TCGETS)},
	    /* No new code: neither written nor loaded. */
	    {CALL(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)},
	    {CALL(mmap2), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)},
	    {CALL(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)},
	    /* Threads, no processes. */
	    {CALL(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, thread, thread)},
	    {CALL(prctl), SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME)},
	    /* Limits are read, not set. */
	    {CALL(prlimit64), SCMP_A2(SCMP_CMP_EQ, 0)},
	    {CALL(tgkill), SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid())},
	};
	int error = 0;
	for (size_t i = 0; i < COUNT(v) && error == 0; i++)
		error = seccomp_rule_add_array(
		    filter, SCMP_ACT_ALLOW, v[i].call, 1, &v[i].when);
	if (error == 0)
		error = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS,
		    CALL(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_PACKET));
	if (error == 0)
		error = seccomp_rule_add(
		    filter, SCMP_ACT_ERRNO(ENOSYS), CALL(clone3), 0);
	return error;
}

static int
fill(scmp_filter_ctx filter)
{
	static const struct {
		const int *v;
		size_t n;
		uint32_t action;
	} lists[] = {{files, COUNT(files), SCMP_ACT_ALLOW},
	    {sockets, COUNT(sockets), SCMP_ACT_ALLOW},
	    {waiting, COUNT(waiting), SCMP_ACT_ALLOW},
	    {itself, COUNT(itself), SCMP_ACT_ALLOW},
	    {deadly, COUNT(deadly), SCMP_ACT_KILL_PROCESS}};
	int error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	/* A tree of comparisons, not a row of two hundred. */
	if (error == 0)
		error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (size_t i = 0; i < COUNT(lists) && error == 0; i++)
		error =
		    add_all(filter, lists[i].action, lists[i].v, lists[i].n);
	return error == 0 ? add_conditions(filter) : error;
}

int
sandbox_limit_calls(void)
{
	if (prctl(PR_GET_SECCOMP) < 0 && errno == EINVAL) {
		log_text(LOG_WARNING, "this kernel has no seccomp: workers "
				      "may make any system call");
		return 0;
	}
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int error = filter != NULL ? fill(filter) : -ENOMEM;
	if (error == 0)
		error = seccomp_load(filter);
	seccomp_release(filter);
	if (error != 0)
		log_text(LOG_ERR, "system calls cannot be limited: %s",
		    strerror(-error));
	return error == 0 ? 0 : -1;
}
