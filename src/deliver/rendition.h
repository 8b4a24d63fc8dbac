/* SPDX-License-Identifier: ISC */
/*
 * How a letter looks for one hop: what is put before it, the message as it
 * is in the queue or converted, and the envelope that goes with it.  The one
 * place where a message may differ from what was queued; the queue file
 * itself never changes.  Nothing is done for a letter that needs nothing.
 */
#ifndef DELIVER_RENDITION_H
#define DELIVER_RENDITION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/buf.h"
#include "conf/conf.h"
#include "deliver/client.h"
#include "deliver/convert.h"
#include "deliver/keyring.h"
#include "mail/verdict.h"
#include "queue/envelope.h"

/* Zeroed: nothing rendered, the letter as it is. */
struct rendition {
	struct buf prefix; /* goes first; whole header fields */
	bool converted;    /* the message is in fd, size octets of it */
	int fd;            /* owned, unlinked */
	uint64_t size;
	bool readdressed;    /* env is ours, but for what it points to */
	struct envelope env; /* its rcpts are owned */
};

struct rendition_input {
	struct convert_source source; /* the message in the queue */
	const struct envelope *env;   /* outlives the rendition */
	const uint32_t *rcpts;        /* the recipients that matter */
	size_t nrcpts;
	bool long_line; /* the message has some */
	const struct client_caps *caps;
	const struct conf *conf;
	struct keyring *keys; /* for DKIM */
	int dir_fd; /* a directory for a temporary file without a name */
	const atomic_bool *stop; /* or NULL: give up while it is true */
};

/*
 * Make it; what *r held is forgotten.  Without SMTPUTF8 at the server an
 * address whose local part is ASCII gets A-labels; one that cannot stays as
 * it is, and is refused by the client machine (5.6.7).  Then, as it will be
 * sent, it is signed (dkim_sign.h).
 *
 * 0.  -1 and *st: NEVER 5.6.3 (cannot be converted), NEVER 5.6.7 (a header
 * that needs SMTPUTF8), LATER 4.3.0 or 4.3.1 (no room, unreadable), LATER 4.3.5
 * (a key cannot be had).
 */
int rendition_make(struct rendition *r, const struct rendition_input *in,
    struct status *st) MUST_CHECK;
void rendition_free(struct rendition *r);

/* For MAIL and RCPT; and octets in wire form, prefix included. */
const struct envelope *rendition_envelope(
    const struct rendition *r, const struct rendition_input *in);
uint64_t rendition_size(
    const struct rendition *r, const struct rendition_input *in);

/* As the client's body hook; queued reads the message in the queue. */
ssize_t rendition_read(const struct rendition *r, uint64_t offset, char *out,
    size_t room, const struct convert_source *queued) MUST_CHECK;

#endif
