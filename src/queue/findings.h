/* SPDX-License-Identifier: ISC */
/*
 * What the journal found about each recipient, for readers: the last, and
 * the attempts that led there, if they are wanted.
 */
#ifndef QUEUE_FINDINGS_H
#define QUEUE_FINDINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/hash.h"
#include "base/limits.h"
#include "mail/verdict.h"
#include "queue/store.h"

struct attempt {
	int64_t at_ms; /* wall clock */
	int code;      /* of the reply, or 0 */
	char enhanced[ENHANCED_MAX + 1];
	char *remote, *text; /* owned; remote may be "" */
};

struct finding {
	struct hash_link link;
	char batch[BATCH_ID_LEN + 1];
	uint32_t seq, rcpt;
	bool final;
	bool held;               /* by the operator, until released */
	unsigned code, attempts; /* the reply's, or 0; so far */
	int64_t at_ms, next_ms;  /* wall clock; of the next try, 0 when final */
	char *text;              /* why it is still here; "" when final */
	/* With history only, oldest first: the last of those that were made
	 * (a hold or a release says again what was found before). */
	struct attempt *last;
	unsigned nlast;
};

struct findings;

/* The last finding of each; or the last ATTEMPTS_KEPT attempts, too. */
struct findings *findings_new(void) MUST_CHECK;
struct findings *findings_new_history(void) MUST_CHECK;
void findings_free(struct findings *f);

/* Replay SPOOL/state/journal.  0; -1 with errno. */
int findings_read(struct findings *f, const char *spool) MUST_CHECK;

/* Is there a recipient of the batch that is done with? */
bool findings_any_final(struct findings *f, const char *batch);

/* What was last found about a recipient, or NULL. */
const struct finding *findings_get(
    const struct findings *f, const char *batch, uint32_t seq, uint32_t rcpt);

#endif
