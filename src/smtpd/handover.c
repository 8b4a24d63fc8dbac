/* SPDX-License-Identifier: ISC */
/* Descriptor passing over a SOCK_SEQPACKET pair.  Both ends are ours, yet
 * what is malformed is dropped. */
#include "smtpd/handover.h"

#include <errno.h>
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
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.room,
	    .msg_controllen = sizeof(control.room)};
	memset(&control, 0, sizeof(control));
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &h->fd, sizeof(int));
	return sendmsg(socket, &msg, MSG_NOSIGNAL) == sizeof(copy) ? 0 : -1;
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
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	if (n <= 0)
		return -1;
	if (c == NULL || c->cmsg_level != SOL_SOCKET ||
	    c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int)))
		return 0;
	memcpy(&h->fd, CMSG_DATA(c), sizeof(int));
	h->name[sizeof(h->name) - 1] = '\0';
	h->address[sizeof(h->address) - 1] = '\0';
	if (n != sizeof(*h)) {
		(void)close(h->fd);
		return 0;
	}
	return 1;
}
