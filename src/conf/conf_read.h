/* SPDX-License-Identifier: ISC */
/*
 * The steps between a file and struct conf or struct table, for this room,
 * its tests and its fuzzers.  Others use conf.h and table.h.
 */
#ifndef CONF_CONF_READ_H
#define CONF_CONF_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/conf.h"

struct cfg_t;

/*
 * The whole of a regular file that is not larger than max and that only
 * root or we may change; NUL behind.  To be freed; or NULL and a fault.  A
 * missing file is a fault unless missing_ok: then it is empty.
 */
char *conf_slurp(const char *path, size_t max, bool missing_ok, size_t *len,
    struct faults *f) MUST_CHECK;

/* conf_load() from memory; path is only named.  text NULL: the defaults. */
struct conf *conf_read(const char *path, const char *text, size_t len,
    unsigned flags, struct faults *f) MUST_CHECK;

/*
 * What libconfuse gets to see of text: the same tokens on the same lines,
 * without comments and without what is told to be unknown or given twice.
 * *whole is false when the text ended early with a fault.  To be freed.
 */
char *conf_text(const char *path, const char *text, size_t len, bool *whole,
    struct faults *f) MUST_CHECK;

/* Give c what it lacks: names, directories in the spool; tell: that no host
 * name can be had is a fault.  Then look at keys that must go together;
 * lines are found in root. */
void conf_complete(struct conf *c, bool tell, bool lenient, struct faults *f);
void conf_agree(const struct conf *c, struct cfg_t *root, struct faults *f);

/* Was a key of a section given a value, be it a bad one?  The line of that
 * value, else the last line of the section. */
bool conf_given(struct cfg_t *section, const char *key);
unsigned conf_line(struct cfg_t *section, const char *key);

/* Decimal digits and nothing else.  0, or -1. */
int conf_number(const char *s, uint64_t *n) MUST_CHECK;

/* The shortest way to write it: "10M", "90s". */
void conf_format_size(uint64_t octets, char out[32]);
void conf_format_duration(uint64_t ms, char out[32]);

enum {
	TABLE_LOCAL = 1,   /* local and alias entries only */
	TABLE_LENIENT = 2, /* keep the good lines in spite of faults */
};

/* table_load() from memory; takes text, which has a NUL at [len]. */
struct table *table_read(const char *path, char *text, size_t len,
    unsigned flags, struct faults *f) MUST_CHECK;

/* The first line that says route=smarthost; 0: none. */
unsigned table_smarthost_line(const struct table *t);

#endif
