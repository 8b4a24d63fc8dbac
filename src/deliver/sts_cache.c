/* SPDX-License-Identifier: ISC */
/*
 * The cache of MTA-STS policies: one file for each domain, named after it.
 *
 *	waypost-mta-sts 1
 *	id: 20160831085700Z
 *	fetched: 1764000000123
 *	(an empty line, then the policy as it came)
 *
 * Not who asks or fetches.  Invariant: a file appears under its name whole,
 * by a rename; what does not read back as a policy in force is none.
 */
#include "deliver/sts_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/log.h"
#include "net/dns.h"

#define MAGIC "waypost-mta-sts 1\n"
#define HEAD_MAX 128
#define DRAFT ".new" /* no domain begins with a dot */

void
sts_kept_free(struct sts_kept *k)
{
	buf_free(&k->text);
}

/* A file of the cache, or -1.  Domains are checked: they are file names. */
static int
open_file(const char *directory, const char *domain, int flags)
{
	char path[4096 + 256];
	if (strcmp(domain, DRAFT) != 0 &&
	    !dns_name_valid(domain, strlen(domain)))
		return -1;
	int n = snprintf(path, sizeof(path), "%s/%s", directory, domain);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -1;
	return open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
}

/* The head; its length, or 0. */
static size_t
read_head(struct sts_kept *k)
{
	char id[STS_ID_MAX + 1];
	int64_t fetched;
	int used = 0;
	const char *text = buf_str(&k->text);
	if (sscanf(text, MAGIC "id: %32[0-9A-Za-z]\nfetched: %" SCNd64 "%n", id,
		&fetched, &used) != 2 ||
	    used <= 0 || strncmp(text + used, "\n\n", 2) != 0)
		return 0;
	memcpy(k->id, id, sizeof(id));
	k->fetched_ms = fetched;
	return (size_t)used + 2;
}

static bool
in_force(const struct sts_kept *k)
{
	int64_t now = clock_wall_ms(), age = now - k->fetched_ms;
	/* A clock that jumped back must not make it eternal. */
	return k->fetched_ms > 0 && age > -(int64_t)STS_AGE_MAX * 1000 &&
	       age < (int64_t)k->policy.max_age * 1000;
}

int
sts_cache_read(const char *directory, const char *domain, struct sts_kept *k)
{
	*k = (struct sts_kept){0};
	buf_init(&k->text, STS_POLICY_MAX + HEAD_MAX);
	int fd = open_file(directory, domain, O_RDONLY);
	if (fd < 0)
		return -1;
	size_t head = 0;
	if (io_slurp(fd, &k->text) == 0 &&
	    strlen(buf_str(&k->text)) == k->text.len)
		head = read_head(k);
	(void)close(fd);
	if (head != 0 &&
	    sts_policy_read(
		&k->policy, k->text.data + head, k->text.len - head) == 0 &&
	    in_force(k))
		return 0;
	sts_kept_free(k);
	*k = (struct sts_kept){0};
	return -1;
}

static int
write_file(int fd, const char *id, const char *text, size_t len)
{
	char head[HEAD_MAX];
	int n = snprintf(head, sizeof(head),
	    MAGIC "id: %s\nfetched: %" PRId64 "\n\n", id, clock_wall_ms());
	if (io_write(fd, head, (size_t)n) != 0 || io_write(fd, text, len) != 0)
		return -1;
	return io_fsync(fd);
}

int
sts_cache_write(const char *directory, const char *domain, const char *id,
    const char *text, size_t len)
{
	if (mkdir(directory, 0750) != 0 && errno != EEXIST)
		return -1;
	int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = open_file(directory, DRAFT, O_WRONLY | O_CREAT | O_TRUNC);
	int result = -1;
	if (dir >= 0 && fd >= 0 && dns_name_valid(domain, strlen(domain)) &&
	    write_file(fd, id, text, len) == 0 &&
	    renameat(dir, DRAFT, dir, domain) == 0)
		result = 0;
	int error = errno;
	if (fd >= 0)
		(void)close(fd);
	if (dir >= 0)
		(void)close(dir);
	errno = error;
	return result;
}

void
sts_cache_sweep(const char *directory)
{
	DIR *d = opendir(directory);
	struct dirent *e;
	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		struct sts_kept k;
		if (e->d_name[0] == '.')
			continue;
		if (sts_cache_read(directory, e->d_name, &k) != 0)
			(void)unlinkat(dirfd(d), e->d_name, 0);
		sts_kept_free(&k);
	}
	(void)closedir(d);
}
