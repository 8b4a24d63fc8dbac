/* SPDX-License-Identifier: ISC */
/* The last finding of the journal about each recipient, for readers. */
#ifndef QUEUE_FINDINGS_H
#define QUEUE_FINDINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/hash.h"
#include "queue/store.h"

struct finding {
	struct hash_link link;
	char batch[BATCH_ID_LEN + 1];
	uint32_t seq, rcpt;
	bool final;
	bool held;               /* by the operator, until released */
	unsigned code, attempts; /* the reply's, or 0; so far */
	int64_t at_ms, next_ms;  /* wall clock; of the next try, 0 when final */
	char *text;              /* why it is still here; "" when final */
};

struct findings;

struct findings *findings_new(void) MUST_CHECK;
void findings_free(struct findings *f);

/* Replay SPOOL/state/journal.  0; -1 with errno. */
int findings_read(struct findings *f, const char *spool) MUST_CHECK;

/* What was last found about a recipient, or NULL. */
const struct finding *findings_get(
    const struct findings *f, const char *batch, uint32_t seq, uint32_t rcpt);

#endif
