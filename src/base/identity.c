/* SPDX-License-Identifier: ISC */
/* Users, capabilities, environment.  Rights are only ever given up. */
#include "base/identity.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"

static int
set_capabilities(unsigned mask)
{
	struct __user_cap_header_struct header = {
	    .version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
	    {.effective = mask, .permitted = mask}};
	return (int)syscall(SYS_capset, &header, data);
}

static int
become(uid_t uid, gid_t gid)
{
	struct passwd *pw = getpwuid(uid);
	int groups = pw != NULL ? initgroups(pw->pw_name, pw->pw_gid)
				: setgroups(0, NULL);
	if (groups != 0 || setgid(pw != NULL ? pw->pw_gid : gid) != 0)
		return -1;
	return setuid(uid);
}

void
identity_forbid_cores(void)
{
	const struct rlimit none = {0, 0};
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0);
}

int
identity_become_owner(const char *directory, bool keep_bind)
{
	struct stat st;
	if (geteuid() != 0)
		return 0;
	if (stat(directory, &st) != 0) {
		log_text(LOG_ERR, "no spool directory %s: %s", directory,
		    strerror(errno));
		return -1;
	}
	if (st.st_uid == 0)
		return 0;
	if ((keep_bind && prctl(PR_SET_KEEPCAPS, 1) != 0) ||
	    become(st.st_uid, st.st_gid) != 0 ||
	    (keep_bind && set_capabilities(1u << CAP_NET_BIND_SERVICE) != 0)) {
		log_text(LOG_ERR, "cannot become uid %u: %s",
		    (unsigned)st.st_uid, strerror(errno));
		return -1;
	}
	identity_forbid_cores(); /* the kernel may have changed its mind */
	return 0;
}

void
identity_drop_capabilities(void)
{
	(void)set_capabilities(0);
}

void
identity_clean_environment(void)
{
	static const char *const names[] = {"TZ", "JOURNAL_STREAM"};
	char *kept[2] = {NULL, NULL};
	for (size_t i = 0; i < 2; i++) {
		const char *value = getenv(names[i]);
		if (value != NULL)
			kept[i] = alloc_string(value, strlen(value));
	}
	if (clearenv() != 0)
		die("cannot clear the environment");
	for (size_t i = 0; i < 2; i++) {
		if (kept[i] != NULL)
			(void)setenv(names[i], kept[i], 1);
		free(kept[i]);
	}
}

void
identity_prepare_process(void)
{
	struct rlimit files;
	identity_forbid_cores();
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)umask(027);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
}
