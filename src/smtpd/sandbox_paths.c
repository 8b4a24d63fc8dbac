/* SPDX-License-Identifier: ISC */
/*
 * The files and ports that a worker reaches, by Landlock.
 *
 * A rule names an inode and, for a directory, all below it, for ever.
 * Editors and tools replace files, so the directory of each configuration
 * file is granted, and that of what it points to (certificates are often
 * links into another); but of directories that belong to the whole system,
 * like /etc, only the file itself; when it was replaced the parent opens it
 * (fetch.h).  A directory of secrets below one that is granted is for the
 * unit to hide (InaccessiblePaths): Landlock cannot take out what lies
 * inside.
 *
 * Of the queue a worker may fill tmp and move what it wrote into new, where
 * the mail of others lies, which it cannot read.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/reach.h"
#include "smtpd/sandbox.h"
#include "smtpd/sandbox_internal.h"

/* What headers of 2022 do not have; numbers are the kernel's. */
#define FS_TRUNCATE (UINT64_C(1) << 14)
#define FS_IOCTL_DEVICE (UINT64_C(1) << 15)
#define NET_BIND_TCP (UINT64_C(1) << 0)
#define NET_CONNECT_TCP (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT_SOCKET (UINT64_C(1) << 0)
#define SCOPE_SIGNAL (UINT64_C(1) << 1)
#define RULE_NET_PORT 2

#define FS_FIRST ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)
#define FS_TMP                                                          \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | \
	    LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REFER | \
	    FS_TRUNCATE)
#define COUNT(v) (sizeof(v) / sizeof((v)[0]))

#define FS_NEW (LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REFER)

struct ruleset {
	uint64_t fs, net, scoped;
};

struct net_rule {
	uint64_t access, port;
};

/* Where more lies than is ours to read. */
static const char *const shared[] = {"/", "/dev", "/dev/shm", "/etc",
    "/etc/ssl", "/home", "/mnt", "/opt", "/proc", "/root", "/run", "/srv",
    "/sys", "/tmp", "/usr", "/usr/local/etc", "/usr/share", "/var", "/var/lib",
    "/var/tmp", "/var/run"};

/* Read by libraries, when they are there. */
static const char *const system_files[] = {"/etc/resolv.conf", "/etc/hosts",
    "/etc/localtime", "/usr/share/zoneinfo", "/usr/share/dns",
    "/usr/lib/ssl/openssl.cnf", "/etc/pki/tls/openssl.cnf"};

static int
abi_version(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
}

static struct ruleset
handled(int abi)
{
	struct ruleset r = {.fs = FS_FIRST | LANDLOCK_ACCESS_FS_REFER};
	if (abi >= 3)
		r.fs |= FS_TRUNCATE;
	if (abi >= 4)
		r.net = NET_BIND_TCP | NET_CONNECT_TCP;
	if (abi >= 5)
		r.fs |= FS_IOCTL_DEVICE;
	if (abi >= 6)
		r.scoped = SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL;
	return r;
}

/* A path that is not there grants nothing and is no error. */
static int
grant(int rules, const struct ruleset *r, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr a = {
	    .allowed_access = access & r->fs};
	struct stat st;
	a.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (a.parent_fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES
			   ? 0
			   : -1;
	if (fstat(a.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		a.allowed_access &= LANDLOCK_ACCESS_FS_READ_FILE;
	int result = (int)syscall(
	    SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &a, 0);
	int saved = errno;
	(void)close(a.parent_fd);
	errno = saved;
	return result;
}

static bool
is_shared(const char *directory)
{
	for (size_t i = 0; i < COUNT(shared); i++)
		if (strcmp(directory, shared[i]) == 0)
			return true;
	return false;
}

/* The file, and its directory if that holds nothing else. */
static int
grant_beside(int rules, const struct ruleset *r, const char *path)
{
	const uint64_t read =
	    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	char directory[PATH_MAX], real[PATH_MAX];
	const char *slash = strrchr(path, '/');
	if (slash == NULL || slash == path)
		return grant(rules, r, path, read);
	int n = snprintf(
	    directory, sizeof(directory), "%.*s", (int)(slash - path), path);
	if (n < 0 || (size_t)n >= sizeof(directory) ||
	    realpath(directory, real) == NULL || is_shared(real))
		return grant(rules, r, path, read);
	return grant(rules, r, real, read);
}

/* A file of the configuration, and what it is a link to. */
static int
grant_file(int rules, const struct ruleset *r, const char *path)
{
	char real[PATH_MAX];
	if (path == NULL)
		return 0;
	if (grant_beside(rules, r, path) != 0)
		return -1;
	return realpath(path, real) != NULL ? grant_beside(rules, r, real) : 0;
}

/* Call fn for each file that the configuration names for us to read; the
 * first result that is not 0 ends it. */
static int
each_file(const struct conf *c, int (*fn)(const void *arg, const char *path),
    const void *arg)
{
	const char *const fixed[] = {c->path, c->domains, c->users, c->aliases,
	    c->tls.certificate, c->tls.key, c->dns.trust_anchor};
	int result = 0;
	for (size_t i = 0; i < COUNT(fixed); i++)
		if (result == 0 && fixed[i] != NULL)
			result = fn(arg, fixed[i]);
	for (size_t i = 0; i < c->nlisteners; i++) {
		const struct listener *l = &c->listeners[i];
		if (result == 0 && l->certificate != NULL)
			result = fn(arg, l->certificate);
		if (result == 0 && l->key != NULL)
			result = fn(arg, l->key);
		if (result == 0 && l->client_ca != NULL)
			result = fn(arg, l->client_ca);
	}
	for (size_t i = 0; i < c->ncertificates && result == 0; i++) {
		result = fn(arg, c->certificates[i].certificate);
		if (result == 0)
			result = fn(arg, c->certificates[i].key);
	}
	return result;
}

struct granting {
	int rules;
	const struct ruleset *r;
};

static int
grant_one(const void *arg, const char *path)
{
	const struct granting *g = arg;
	return grant_file(g->rules, g->r, path);
}

static int
grant_spool(int rules, const struct ruleset *r, const char *spool)
{
	char path[PATH_MAX];
	(void)snprintf(path, sizeof(path), "%s/queue/tmp", spool);
	if (grant(rules, r, path, FS_TMP) != 0)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/queue/new", spool);
	return grant(rules, r, path, FS_NEW);
}

/* By TCP only name servers are called; nothing is bound. */
static int
grant_port(int rules, const char *server)
{
	const char *at = strchr(server, '@');
	struct net_rule rule = {.access = NET_CONNECT_TCP,
	    .port = at != NULL ? strtoul(at + 1, NULL, 10) : 53};
	return (int)syscall(
	    SYS_landlock_add_rule, rules, RULE_NET_PORT, &rule, 0);
}

static int
grant_ports(int rules, const struct ruleset *r, const struct conf *c)
{
	if (r->net == 0)
		return 0;
	if (grant_port(rules, "") != 0)
		return -1;
	for (size_t i = 0; i < c->dns.servers.n; i++)
		if (grant_port(rules, c->dns.servers.v[i]) != 0)
			return -1;
	return 0;
}

static int
grant_all(int rules, const struct ruleset *r, const struct conf *c)
{
	struct granting g = {rules, r};
	const char *const drop = c->drop.quota > 0 ? c->drop.directory : "";
	if (each_file(c, grant_one, &g) != 0 ||
	    grant_spool(rules, r, c->spool) != 0 ||
	    /* Sizes are looked at, for the quota; nothing is read. */
	    grant(rules, r, drop, LANDLOCK_ACCESS_FS_READ_DIR) != 0)
		return -1;
	for (size_t i = 0; i < COUNT(system_files); i++)
		if (grant_file(rules, r, system_files[i]) != 0)
			return -1;
	return grant_ports(rules, r, c);
}

int
sandbox_limit_paths(const struct conf *c)
{
	int abi = abi_version();
	/* The first version allows no rename from tmp to new. */
	if (abi < 2) {
		log_text(LOG_WARNING, "this kernel has no Landlock, or an "
				      "old one: files are guarded by their "
				      "permissions alone");
		return 0;
	}
	struct ruleset r = handled(abi);
	int rules = (int)syscall(SYS_landlock_create_ruleset, &r, sizeof(r), 0);
	int result = rules < 0 ? -1 : grant_all(rules, &r, c);
	if (result == 0)
		result = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (result == 0)
		result = (int)syscall(SYS_landlock_restrict_self, rules, 0);
	if (result != 0)
		log_text(LOG_ERR, "files cannot be guarded by Landlock: %s",
		    strerror(errno));
	if (rules >= 0)
		(void)close(rules);
	return result == 0 ? 0 : -1;
}

/* access() asks for permissions, of which Landlock is no part.  libunbound
 * opens the trust anchor by its path; all else we read by reach_open(). */
static int
try_open(const void *arg, const char *path)
{
	const struct conf *c = arg;
	int fd = path == c->dns.trust_anchor ? open(path, O_RDONLY | O_CLOEXEC)
					     : reach_open(path);
	if (fd >= 0)
		(void)close(fd);
	return fd < 0 && errno == EACCES && access(path, R_OK) == 0;
}

static int
is_same(const void *arg, const char *path)
{
	const char *const *wanted = arg;
	return strcmp(*wanted, path) == 0;
}

bool
sandbox_names(const struct conf *c, const char *path)
{
	if (each_file(c, is_same, &path) != 0)
		return true;
	for (size_t i = 0; i < COUNT(system_files); i++)
		if (is_same(&path, system_files[i]))
			return true;
	return false;
}

bool
sandbox_reaches(const struct conf *c)
{
	return each_file(c, try_open, c) == 0;
}
