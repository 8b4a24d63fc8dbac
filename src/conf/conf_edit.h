/* SPDX-License-Identifier: ISC */
/*
 * A new text of waypost.conf in which one key is changed; all else stays as
 * the administrator wrote it, comments and layout too.  What comes out is to
 * be read (conf_read) before it is believed.
 */
#ifndef CONF_CONF_EDIT_H
#define CONF_CONF_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"

/* Which key: hostname, relay.except, smarthost.hosts, listen "lan" tls. */
struct conf_place {
	const char *section; /* NULL: none, a key of the file itself */
	const char *title;   /* NULL: a section without a name */
	const char *key;
};

/* Add a value as waypost.conf has it: in quotes where they are needed.  0;
 * -1: it holds a control byte, a quote, a backslash or "${". */
int conf_edit_value(struct buf *out, const char *value) MUST_CHECK;

/*
 * Give the key this value, in the form of the file ("true", "{ \"a\" }");
 * a key or section that is missing is added.  value NULL: drop the key, so
 * that it has its default.  0; 1: nothing to drop; -1: the text has a fault.
 */
int conf_edit_set(struct buf *out, const char *text, size_t len,
    const struct conf_place *at, const char *value) MUST_CHECK;

/*
 * Put an element into a list, or take it out.  0; 1: it is there already,
 * or is not there; -1: the text has a fault, or the element is no value.
 */
int conf_edit_list(struct buf *out, const char *text, size_t len,
    const struct conf_place *at, const char *element, bool add) MUST_CHECK;

#endif
