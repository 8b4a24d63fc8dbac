/* SPDX-License-Identifier: ISC */
/*
 * Datagrams over a SOCK_SEQPACKET pair.  Both ends are ours, yet what is
 * malformed is dropped.  Invariant: a descriptor that was received is given
 * to the caller or closed.
 */
#include "smtpd/handover.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
	char room[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

int
handover_send(int socket, const struct handover *h)
{
	struct handover copy = *h;
	union control control;
	struct iovec iov = {.iov_base = &copy, .iov_len = sizeof(copy)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	if (h->kind == HANDOVER_OPEN) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.room;
		msg.msg_controllen = sizeof(control.room);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &h->fd, sizeof(int));
	}
	ssize_t n = sendmsg(socket, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	return n == sizeof(copy) ? 0 : -1;
}

static bool
is_whole(ssize_t n, struct handover *h)
{
	if (n != sizeof(*h))
		return false;
	h->name[sizeof(h->name) - 1] = '\0';
	h->address[sizeof(h->address) - 1] = '\0';
	return (h->kind == HANDOVER_OPEN) == (h->fd >= 0);
}

int
handover_receive(int socket, struct handover *h)
{
	union control control;
	struct iovec iov = {.iov_base = h, .iov_len = sizeof(*h)};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.room,
	    .msg_controllen = sizeof(control.room)};
	ssize_t n = recvmsg(socket, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return -1;
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	h->fd = -1;
	if (c != NULL && c->cmsg_level == SOL_SOCKET &&
	    c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&h->fd, CMSG_DATA(c), sizeof(int));
	if (is_whole(n, h))
		return 1;
	if (h->fd >= 0)
		(void)close(h->fd);
	return 0;
}
