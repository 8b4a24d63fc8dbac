/* SPDX-License-Identifier: ISC */
/*
 * A shim for LD_PRELOAD that lets memory or processes run out in a program
 * that runs: the N-th allocation from now on, or the N-th process or thread
 * that is made, fails, and so do the ones behind it for as long as the plan
 * says; or it is killed at the N-th allocation.  The plan lies in a file that the script beside it and all processes
 * of the program map, so that the script counts and chooses while they run.
 * It knows nothing about mail: what must hold is for the script to say.
 *
 *   SCARCE_FILE   the plan: five 64-bit words, see struct plan
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

enum kind { NOTHING, MEMORY, PROCESSES, DEATH };

struct plan {
	atomic_long kind;   /* enum kind: what is counted, and happens */
	atomic_long left;   /* the call that brings it to 0 is the first */
	atomic_long burst;  /* how many fail, from that one on */
	atomic_long seen;   /* calls of this kind */
	atomic_long failed; /* those of them that failed */
};

static struct plan *plan;

/* What glibc's own allocator is called inside of glibc. */
void *__libc_malloc(size_t len);
void *__libc_calloc(size_t n, size_t len);
void *__libc_realloc(void *old, size_t len);

__attribute__((constructor)) static void
map_plan(void)
{
	const char *name = getenv("SCARCE_FILE");
	int fd = name == NULL ? -1 : open(name, O_RDWR | O_CLOEXEC);
	void *at;

	if (fd < 0)
		return;
	at = mmap(NULL, sizeof(struct plan), PROT_READ | PROT_WRITE, MAP_SHARED,
	    fd, 0);
	(void)close(fd);
	if (at != MAP_FAILED)
		plan = at;
}

static bool
fails(enum kind kind)
{
	long left, planned;

	if (plan == NULL)
		return false;
	planned = atomic_load(&plan->kind);
	if (planned != (long)kind && (planned != DEATH || kind != MEMORY))
		return false;
	(void)atomic_fetch_add(&plan->seen, 1);
	left = atomic_fetch_sub(&plan->left, 1) - 1;
	if (left > 0 || left <= -atomic_load(&plan->burst))
		return false;
	(void)atomic_fetch_add(&plan->failed, 1);
	if (planned == DEATH)
		(void)kill(getpid(), SIGKILL);
	return true;
}

void *
malloc(size_t len)
{
	if (!fails(MEMORY))
		return __libc_malloc(len);
	errno = ENOMEM;
	return NULL;
}

void *
calloc(size_t n, size_t len)
{
	if (!fails(MEMORY))
		return __libc_calloc(n, len);
	errno = ENOMEM;
	return NULL;
}

void *
realloc(void *old, size_t len)
{
	if (!fails(MEMORY))
		return __libc_realloc(old, len);
	errno = ENOMEM;
	return NULL;
}

static void *
behind(const char *name)
{
	void *f = dlsym(RTLD_NEXT, name);

	if (f == NULL)
		abort();
	return f;
}

pid_t
fork(void)
{
	pid_t (*real)(void) = behind("fork");

	if (!fails(PROCESSES))
		return real();
	errno = EAGAIN;
	return -1;
}

int
posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *fa,
    const posix_spawnattr_t *at, char *const argv[], char *const envp[])
{
	int (*real)(pid_t *, const char *, const posix_spawn_file_actions_t *,
	    const posix_spawnattr_t *, char *const[], char *const[]) =
	    behind("posix_spawn");

	return fails(PROCESSES) ? EAGAIN : real(pid, path, fa, at, argv, envp);
}

int
pthread_create(pthread_t *thread, const pthread_attr_t *at,
    void *(*run)(void *), void *arg)
{
	int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *),
	    void *) = behind("pthread_create");

	return fails(PROCESSES) ? EAGAIN : real(thread, at, run, arg);
}
