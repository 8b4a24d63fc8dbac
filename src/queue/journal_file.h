/* SPDX-License-Identifier: ISC */
/* What the reader and the writer of the journal share.  Private to the
 * room. */
#ifndef QUEUE_JOURNAL_FILE_H
#define QUEUE_JOURNAL_FILE_H

#include <stdbool.h>
#include <stddef.h>

#define JOURNAL_NAME "journal"
#define JOURNAL_NEW "journal.new"
#define JOURNAL_MAGIC "waypost-journal "
#define JOURNAL_START "waypost-journal 1\n"
#define JOURNAL_START_LEN (sizeof(JOURNAL_START) - 1)

/* Is it the start of a journal of another version? */
bool journal_is_newer(const char *start, size_t len);

#endif
