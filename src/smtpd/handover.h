/* SPDX-License-Identifier: ISC */
/*
 * What the parent says to a worker, one datagram each: a listening socket
 * (as SCM_RIGHTS) was opened or closed, the configuration changed.  They
 * arrive in the order in which they were sent.
 */
#ifndef SMTPD_HANDOVER_H
#define SMTPD_HANDOVER_H

#include "base/attr.h"

enum handover_kind { HANDOVER_OPEN, HANDOVER_CLOSE, HANDOVER_RELOAD };

struct handover {
	enum handover_kind kind;
	char name[128];    /* of the listener section */
	char address[256]; /* as written there */
	int fd;            /* with HANDOVER_OPEN, else -1 */
};

/* 0; -1 with errno; never waits for a worker. */
int handover_send(int socket, const struct handover *h) MUST_CHECK;

/* 1: *h is set and its fd is ours.  0: none now.  -1: the parent is gone. */
int handover_receive(int socket, struct handover *h) MUST_CHECK;

#endif
