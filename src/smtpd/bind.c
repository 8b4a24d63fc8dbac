/* SPDX-License-Identifier: ISC */
/*
 * Addresses of listeners: "ip:port", "[ip6]:port", "/path".  A stale unix
 * socket is replaced; a port in use is an error that names it (M04).
 */
#include "smtpd/bind.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/route.h"
#include "net/ip.h"

#define BACKLOG 1024
#define FIRST_FD 3
#define ACTIVATED_MAX 64

static struct {
	int n;
	char *names[ACTIVATED_MAX]; /* "" when systemd gave none */
} activated;

void
bind_take_activation(void)
{
	const char *pid = getenv("LISTEN_PID");
	const char *fds = getenv("LISTEN_FDS");
	const char *names = getenv("LISTEN_FDNAMES");
	if (pid == NULL || fds == NULL || strtol(pid, NULL, 10) != getpid())
		return;
	long n = strtol(fds, NULL, 10);
	activated.n = n < 0 ? 0 : n > ACTIVATED_MAX ? ACTIVATED_MAX : (int)n;
	for (int i = 0; i < activated.n; i++) {
		size_t len = names != NULL ? strcspn(names, ":") : 0;
		activated.names[i] =
		    alloc_string(names != NULL ? names : "", len);
		(void)fcntl(FIRST_FD + i, F_SETFD, FD_CLOEXEC);
		(void)fcntl(FIRST_FD + i, F_SETFL, O_NONBLOCK);
		if (names != NULL)
			names += len + (names[len] == ':');
	}
}

struct place {
	struct sockaddr_storage sa;
	socklen_t len;
};

static int
find_place(const char *address, struct place *p)
{
	struct host_spec h;
	struct ip ip;
	memset(p, 0, sizeof(*p));
	if (address[0] == '/') {
		struct sockaddr_un *un = (struct sockaddr_un *)&p->sa;
		if (strlen(address) >= sizeof(un->sun_path))
			return -1;
		un->sun_family = AF_UNIX;
		memcpy(un->sun_path, address, strlen(address) + 1);
		p->len = sizeof(*un);
		return 0;
	}
	if (host_spec_parse(address, 25, &h) != 0 ||
	    ip_parse(h.host, strlen(h.host), &ip) != 0)
		return -1;
	if (ip_is_v4(&ip)) {
		struct sockaddr_in *in = (struct sockaddr_in *)&p->sa;
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)h.port);
		memcpy(&in->sin_addr, ip.octets + 12, 4);
		p->len = sizeof(*in);
	} else {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&p->sa;
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)h.port);
		memcpy(&in6->sin6_addr, ip.octets, 16);
		p->len = sizeof(*in6);
	}
	return 0;
}

static bool
same_place(int fd, const struct place *p)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	memset(&sa, 0, sizeof(sa));
	if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0 ||
	    sa.ss_family != p->sa.ss_family)
		return false;
	if (sa.ss_family == AF_UNIX)
		return strcmp(((struct sockaddr_un *)&sa)->sun_path,
			   ((const struct sockaddr_un *)&p->sa)->sun_path) == 0;
	struct ip a, b;
	unsigned a_port, b_port;
	ip_from_sockaddr(&sa, &a, &a_port);
	ip_from_sockaddr(&p->sa, &b, &b_port);
	return a_port == b_port && ip_equal(&a, &b);
}

/* A copy, so that the listener may be closed and opened again. */
static int
take_activated(const struct listener *l, const struct place *p)
{
	for (int i = 0; i < activated.n; i++)
		if (strcmp(activated.names[i], l->name) == 0 ||
		    same_place(FIRST_FD + i, p))
			return fcntl(FIRST_FD + i, F_DUPFD_CLOEXEC, 10);
	return -1;
}

/* Nobody listens on it any more: make room.  0; -1 with errno. */
static int
remove_stale(const struct place *p)
{
	const char *path = ((const struct sockaddr_un *)&p->sa)->sun_path;
	struct stat st;
	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 : -1;
	errno = EEXIST;
	if (!S_ISSOCK(st.st_mode))
		return -1;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	int result = connect(fd, (const struct sockaddr *)&p->sa, p->len);
	bool stale = result != 0 && errno == ECONNREFUSED;
	(void)close(fd);
	errno = EADDRINUSE;
	return stale ? unlink(path) : -1;
}

static int
open_place(const struct place *p, bool overlap, const char **why)
{
	const int on = 1, off = 0;
	const char *path = ((const struct sockaddr_un *)&p->sa)->sun_path;
	bool is_unix = p->sa.ss_family == AF_UNIX;
	int fd = socket(
	    p->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	*why = "socket";
	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (overlap && !is_unix)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (p->sa.ss_family == AF_INET6)
		(void)setsockopt(
		    fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	*why = "bind";
	int result = is_unix ? remove_stale(p) : 0;
	if (result == 0)
		result = bind(fd, (const struct sockaddr *)&p->sa, p->len);
	if (result == 0 && is_unix)
		result = chmod(path, 0666); /* who it is, SO_PEERCRED says */
	if (result == 0) {
		*why = "listen";
		result = listen(fd, BACKLOG);
	}
	if (result != 0) {
		int error = errno;
		(void)close(fd);
		errno = error;
		return -1;
	}
	/* Nobody else may come beside us. */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &off, sizeof(off));
	return fd;
}

int
bind_listener(const struct listener *l, bool overlap, const char **why)
{
	struct place p;
	if (find_place(l->address, &p) != 0) {
		*why = "address";
		errno = EINVAL;
		return -1;
	}
	const int on = 1;
	int fd = take_activated(l, &p);
	if (fd < 0)
		fd = open_place(&p, overlap, why);
	/* What is accepted inherits it. */
	if (fd >= 0 && p.sa.ss_family != AF_UNIX)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}
