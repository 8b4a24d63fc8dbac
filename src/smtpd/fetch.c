/* SPDX-License-Identifier: ISC */
/*
 * Question: a path.  Answer: an errno, or 0 and the descriptor (SCM_RIGHTS).
 * The kernel keeps datagrams whole.  The worker's word is not trusted: the
 * path is compared with those of the configuration, octet by octet, and only
 * then opened, here, by the parent.  Invariant: one answer for each
 * question, so that none is taken for that of another.
 */
#include "smtpd/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "smtpd/sandbox.h"

union control {
	char room[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static int
receive_answer(int socket)
{
	union control control;
	int error = 0, fd = -1;
	struct iovec iov = {.iov_base = &error, .iov_len = sizeof(error)};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.room,
	    .msg_controllen = sizeof(control.room)};
	ssize_t n;
	do
		n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n != sizeof(error)) {
		errno = EPIPE;
		return -1;
	}
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	if (c != NULL && c->cmsg_level == SOL_SOCKET &&
	    c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(c), sizeof(int));
	/* Short of descriptors the kernel leaves it out. */
	if (fd < 0)
		errno = error != 0 ? error : EMFILE;
	return fd;
}

int
fetch_ask(int socket, const char *path)
{
	size_t len = strlen(path);
	if (len == 0 || len >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (send(socket, path, len, MSG_NOSIGNAL) != (ssize_t)len) {
		errno = EPIPE;
		return -1;
	}
	return receive_answer(socket);
}

/* No directory, which would be a place to open others from. */
static int
open_regular(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -1;
	int error = fstat(fd, &st) != 0   ? errno
		    : S_ISREG(st.st_mode) ? 0
					  : EINVAL;
	if (error == 0)
		return fd;
	(void)close(fd);
	errno = error;
	return -1;
}

static int
send_answer(int socket, int fd, int error)
{
	union control control;
	struct iovec iov = {.iov_base = &error, .iov_len = sizeof(error)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	if (fd >= 0) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.room;
		msg.msg_controllen = sizeof(control.room);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	ssize_t n = sendmsg(socket, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	return n == sizeof(error) ? 0 : -1;
}

int
fetch_answer(int socket, const struct conf *c)
{
	char path[PATH_MAX];
	ssize_t n = recv(socket, path, sizeof(path) - 1, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return -1;
	path[n] = '\0';
	int fd = -1, error = EPERM;
	if (strlen(path) == (size_t)n && sandbox_names(c, path)) {
		fd = open_regular(path);
		error = fd < 0 ? errno : 0;
	}
	int result = send_answer(socket, fd, error);
	if (fd >= 0)
		(void)close(fd);
	return result;
}
