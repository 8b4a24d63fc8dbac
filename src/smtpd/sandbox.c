/* SPDX-License-Identifier: ISC */
/*
 * Enters the sandbox: no new privileges, no core, then files, then calls.
 * It is not the only wall: ids, the unit and the permissions of files stand
 * before it.
 */
#include "smtpd/sandbox.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/log.h"
#include "smtpd/sandbox_internal.h"

/* Threads that run already would stay outside of Landlock and share their
 * memory with those inside. */
static bool
is_alone(void)
{
	struct stat st;
	return stat("/proc/self/task", &st) != 0 || st.st_nlink <= 3;
}

int
sandbox_enter(const struct conf *c)
{
	if (!is_alone()) {
		log_text(LOG_ERR, "the sandbox comes before threads");
		return -1;
	}
	/* Nobody attaches to us, and a fault leaves no core with keys. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
		log_text(LOG_ERR, "privileges cannot be given up: %s",
		    strerror(errno));
		return -1;
	}
	if (sandbox_limit_paths(c) != 0)
		return -1;
	return sandbox_limit_calls();
}
