/* SPDX-License-Identifier: ISC */
/*
 * Listening sockets by address: bound here, or taken from systemd's
 * activation (LISTEN_FDS) when a socket there has the listener's name or
 * its address.
 */
#ifndef SMTPD_BIND_H
#define SMTPD_BIND_H

#include <stdbool.h>

#include "base/attr.h"
#include "conf/conf.h"

/* Take note of LISTEN_FDS once, before the environment is cleaned. */
void bind_take_activation(void);

/* A listening, non-blocking, close-on-exec socket.  overlap: where other
 * sockets of this process are that allow it (SO_REUSEPORT).  -1 with errno
 * and *why: what was tried. */
int bind_listener(
    const struct listener *l, bool overlap, const char **why) MUST_CHECK;

#endif
