/* SPDX-License-Identifier: ISC */
/*
 * Why a requeue that was killed can be repeated (J28).  The id is made of
 * what the file is and where it lies on the disk, and the journal is told to
 * remember it (queue/remember.h) before the batch is queued.  So who finds
 * such a list was not the first: the batch is in new/, or was and is final in
 * the journal, or never came there.  Not a lock: of two at a time one finds
 * the other's draft and fails.
 */
#include "again.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "queue/findings.h"
#include "queue/remember.h"

static int
derive(int fd, const char *name, char id[BATCH_ID_LEN + 1])
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return -1;
	uint32_t crc = io_crc32c(0, name, strlen(name));
	crc = io_crc32c(crc, &st.st_mtim, sizeof(st.st_mtim));
	crc = io_crc32c(crc, &st.st_size, sizeof(st.st_size));
	store_derive_id(id,
	    st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000,
	    (uint64_t)st.st_ino << 32 ^ st.st_dev << 20 ^ crc);
	return 0;
}

/* In this order: what leaves new/ is final in the journal before. */
static int
was_queued(const char *spool, struct store *s, const char *id)
{
	if (store_recover(s) < 0)
		return -1;
	if (faccessat(s->new_fd, id, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return store_sync(s) == 0 ? 1 : -1;
	struct findings *f = findings_new();
	int result = findings_read(f, spool);
	if (result == 0)
		result = findings_any_final(f, id);
	int saved = errno;
	findings_free(f);
	errno = saved;
	return result;
}

int
again_begin(const char *spool, struct store *s, int fd, const char *name,
    char id[BATCH_ID_LEN + 1])
{
	char list[1][BATCH_ID_LEN + 1];
	if (derive(fd, name, id) != 0)
		return -1;
	if (remember_known(spool, id))
		return was_queued(spool, s, id);
	memcpy(list[0], id, sizeof(list[0]));
	return remember_place(
	    spool, id, (const char(*)[BATCH_ID_LEN + 1]) list, 1);
}

void
again_end(const char *spool, const char *id)
{
	remember_drop(spool, id);
}
