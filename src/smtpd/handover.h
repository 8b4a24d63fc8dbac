/* SPDX-License-Identifier: ISC */
/*
 * Listening sockets on their way from the parent, which binds them, to a
 * worker: one datagram each, the descriptor as SCM_RIGHTS.
 */
#ifndef SMTPD_HANDOVER_H
#define SMTPD_HANDOVER_H

#include "base/attr.h"

struct handover {
	char name[128];    /* of the listener section */
	char address[256]; /* as written there */
	int fd;
};

/* 0; -1 with errno. */
int handover_send(int socket, const struct handover *h) MUST_CHECK;

/* 1: *h is set and its fd is ours.  0: none now.  -1: the parent is gone. */
int handover_receive(int socket, struct handover *h) MUST_CHECK;

#endif
