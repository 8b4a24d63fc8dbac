/* SPDX-License-Identifier: ISC */
/* A hosts(5) file, read again whenever it changed. */
#ifndef NET_HOSTS_H
#define NET_HOSTS_H

#include <stddef.h>

#include "base/attr.h"
#include "net/ip.h"

struct hosts;

struct hosts *hosts_new(const char *path) MUST_CHECK; /* path: borrowed */
void hosts_free(struct hosts *h);                     /* NULL is fine */

/* The addresses of a name, in the file's order, at most max.  A file that
 * is missing or cannot be read has none. */
size_t hosts_find(
    struct hosts *h, const char *name, struct ip *v, size_t max) MUST_CHECK;

#endif
