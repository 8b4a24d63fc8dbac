/* SPDX-License-Identifier: ISC */
/*
 * Live configuration: watches waypost.conf, the domain table and every file
 * that they name, by inotify on their directories, so that renames,
 * symlink swaps and recreated files are seen (M09).  Tells that something
 * changed; the owner loads and swaps.
 */
#ifndef CONF_WATCH_H
#define CONF_WATCH_H

#include "base/attr.h"
#include "conf/conf.h"

struct watch;

/*
 * Watch the files of c; never NULL.  When inotify is not to be had
 * watch_fd() is -1: then call watch_changed() now and then.  A call at the
 * start, too, tells of a change between the load of c and the watch.
 */
struct watch *watch_open(const struct conf *c) MUST_CHECK;
void watch_close(struct watch *w); /* NULL is fine */

/* For the event loop: readable when something may have changed. */
int watch_fd(const struct watch *w);

/* Drain; 1 if a watched file changed (inode, size, mtime, ctime) since the
 * last call, 0 if not.  Coalesces bursts (M05). */
int watch_changed(struct watch *w);

/* Follow the files of a newly loaded configuration instead; what is known
 * of a file is kept.  0; -1 with errno when a directory cannot be watched. */
int watch_follow(struct watch *w, const struct conf *c) MUST_CHECK;

#endif
