/* SPDX-License-Identifier: ISC */
/*
 * How a queued message looks as a file of its own: "x-sender:" and
 * "x-receiver:" lines, then the message, so that a drop or badmail file
 * can be handed to a pickup directory as it is.
 */
#ifndef DELIVER_LETTER_H
#define DELIVER_LETTER_H

#include <limits.h>

#include "base/buf.h"
#include "conf/conf.h"
#include "queue/envelope.h"

/* The lines for the recipients with these indices, into an empty buffer
 * (initialised here, to be freed by the caller). */
void letter_head(struct buf *out, const struct conf *c,
    const struct envelope *env, const uint32_t *rcpts, size_t n);

/*
 * The stem of the file name to use in this directory: the message id; or,
 * when ID.eml is there for other recipients of the message, the id with
 * their first number behind it ("ID-3").  Deterministic, so that a second
 * delivery to the same recipients replaces the first.
 */
void letter_stem(char out[NAME_MAX + 1], int dir_fd, const char *id,
    const struct buf *head, uint32_t number);

#endif
