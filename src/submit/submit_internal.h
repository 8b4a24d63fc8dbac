/* SPDX-License-Identifier: ISC */
/* The letter in the making, shared by the parts of the room. */
#ifndef SUBMIT_SUBMIT_INTERNAL_H
#define SUBMIT_SUBMIT_INTERNAL_H

#include "mail/wire.h"
#include "queue/batch.h"
#include "submit/fields.h"
#include "submit/section.h"
#include "submit/submit.h"

#define PIECE_MAX (64 * 1024)    /* octets of input taken at a time */
#define HELD_CRS_MAX (64 * 1024) /* CRs in a row that may become blanks */
#define OUT_MAX (3 * PIECE_MAX + HELD_CRS_MAX)
#define BODY_MAX (HEADER_MAX + OUT_MAX)
#define HEAD_MAX /* with the fields we add */ \
	(HEADER_MAX + HEADER_GROWTH_MAX + 16 * 1024)
#define MESSAGE_MAX (BATCH_BYTES_MAX - ENVELOPE_MAX - HEAD_MAX - 4096)

/* What RCPT said beside the address. */
struct wish {
	unsigned notify;
	char *orcpt; /* owned, or NULL */
};

struct submit {
	struct submit_options o;
	struct wire wire;
	struct section section;
	struct fields fields;
	struct buf out;  /* the piece at hand, in wire form */
	struct buf body; /* octets that no draft has yet */
	struct buf head; /* SUBMIT_HOLD: as it goes out */
	struct address_list rcpts;
	struct wish *wishes; /* SUBMIT_RELAY: one for each of rcpts */
	size_t nwishes;
	struct envelope env;
	struct draft draft;
	bool judged;   /* the header section was read */
	bool sealed;   /* ready to be committed */
	bool drafting; /* the draft exists and is ours to discard */
};

/* --- recipients.c --- */

/* Fill in the envelope's recipients.  0; -1 and *st. */
int submit_set_rcpts(struct submit *s, struct status *st);

/* --- seal.c --- */

/* Write what is in memory to the letter's own draft, made if need be. */
int submit_write(struct submit *s, struct status *st);

/* --- submit.c --- */

/* Take the piece in s->out. */
int submit_take(struct submit *s, struct status *st);
int submit_judge(struct submit *s, struct status *st);
int submit_check_size(const struct submit *s, struct status *st);

int submit_disk_fault(struct status *st, const char *what, int error);
int submit_content_fault(struct status *st, const char *why);

#endif
