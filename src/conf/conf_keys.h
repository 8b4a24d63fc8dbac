/* SPDX-License-Identifier: ISC */
/*
 * The one table of all keys of waypost.conf: name, type, place in struct
 * conf, default, range.  Private to this room and its tests.
 */
#ifndef CONF_CONF_KEYS_H
#define CONF_CONF_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum key_type {
	KEY_TEXT,   /* char *; "" in the file means the default */
	KEY_BOOL,   /* bool; choices, when given, name false and true */
	KEY_NUMBER, /* unsigned, min..max */
	KEY_SIZE,   /* uint64_t octets, min..max */
	KEY_TIME,   /* int64_t ms, min..max */
	KEY_CHOICE, /* int: index in choices */
	KEY_WORDS,  /* struct words, min..max of them */
	KEY_TIMES,  /* int64_t * and size_t behind it; each min..max ms */
};

struct key {
	const char *name;
	enum key_type type;
	size_t offset;        /* in struct conf, or that of its section */
	const char *fallback; /* as if written; lists: blank between */
	uint64_t min, max;
	const char *const *choices; /* NULL ends; KEY_CHOICE, KEY_TEXT... */
	const char *(*check)(const char *value); /* the reason, or NULL */
};

struct conf;

enum section_shape { SECTION_ONCE, SECTION_NAMED, SECTION_MAY_BE_NAMED };

struct key_section {
	const char *name; /* NULL: the file itself */
	enum section_shape shape;
	const struct key *keys;
	size_t nkeys; /* <= 64 */
	/* Not SECTION_ONCE: the size of its struct, which begins with the
	 * name (char *), and where struct conf has the array and the number. */
	size_t size, array, number;
};

/* [0] is the file itself. */
extern const struct key_section keys_sections[];
extern const size_t keys_nsections;

/* The one with this name, or NULL; the key of s with this name, or NULL. */
const struct key_section *keys_section(const char *name, size_t len);
const struct key *keys_find(
    const struct key_section *s, const char *name, size_t len);

/*
 * Convert and check one written value into its place.  0; or -1, the place
 * is as before, and why holds a sentence part to follow the value.
 */
#define KEY_WHY 160
int key_set(
    const struct key *k, const char *v, void *at, char why[KEY_WHY]) MUST_CHECK;

/* A list anew, with room for n; then at most n values one by one. */
void key_list_start(const struct key *k, void *at, size_t n);
int key_list_add(
    const struct key *k, void *at, const char *v, char why[KEY_WHY]) MUST_CHECK;

/* The array of a section that is not SECTION_ONCE, and its length. */
void *keys_array(const struct key_section *s, struct conf *c, size_t *n);

/* Its fallback into its place; all of a section; and free what is owned. */
void key_default(const struct key *k, void *at);
void keys_default(const struct key_section *s, void *base);
void keys_free(const struct key_section *s, void *base);

#endif
