/* SPDX-License-Identifier: ISC */
/*
 * libcurl's multi interface on our event loop: transfers go in, their ends
 * come out.  Knows nothing of what is transferred.
 */
#ifndef DELIVER_MULTI_H
#define DELIVER_MULTI_H

#include <curl/curl.h>

#include "base/attr.h"

struct event_base;
struct multi;

/* A transfer ended (or, CONNECT_ONLY, its session stands); called outside of
 * libcurl's own callbacks, so that the handle may be removed. */
typedef void (*multi_fn)(void *arg, CURL *easy, CURLcode code);

/* NULL when libcurl has no memory. */
struct multi *multi_new(
    struct event_base *base, multi_fn fn, void *arg) MUST_CHECK;
void multi_free(struct multi *m); /* after all handles were removed */

/* 0; -1 when libcurl refuses. */
int multi_add(struct multi *m, CURL *easy) MUST_CHECK;
void multi_remove(struct multi *m, CURL *easy); /* closes its connection */

#endif
