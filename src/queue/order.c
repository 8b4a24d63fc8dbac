/* SPDX-License-Identifier: ISC */
/*
 * Orders as files.  Not what they do (deliver/orders.c).  Read like input:
 * only what order_place() could have written is an order.
 */
#include "queue/order.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/log.h"
#include "queue/steps.h"

#define ORDER_START "waypost-order 1\n"
#define ORDER_LINE_MAX (QUEUE_ID_MAX + 16)
#define ORDER_FILE_MAX ((size_t)ORDER_TARGETS_MAX * ORDER_LINE_MAX + 256)

static const char *const verbs[] = {
    "hold", "release", "retry", "remove", "flush"};

const char *
order_verb_name(enum order_verb v)
{
	return verbs[v];
}

int
order_add(struct order *o, const char *batch, uint32_t seq, uint32_t rcpt)
{
	if (o->n >= ORDER_TARGETS_MAX)
		return -1;
	if (o->n == o->cap) {
		o->cap = o->cap == 0 ? 16 : o->cap * 2;
		o->v = alloc_grow(o->v, o->cap, sizeof(*o->v));
	}
	struct order_target *t = &o->v[o->n++];
	*t = (struct order_target){.seq = seq, .rcpt = rcpt};
	memcpy(t->batch, batch, strnlen(batch, BATCH_ID_LEN));
	return 0;
}

void
order_free(struct order *o)
{
	free(o->v);
	*o = (struct order){0};
}

int
order_directory(const char *spool)
{
	int dir = open(spool, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -1;
	int fd = -1;
	if (mkdirat(dir, "state/orders", 0700) == 0 || errno == EEXIST)
		fd = openat(dir, "state/orders",
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int saved = errno;
	(void)close(dir);
	errno = saved;
	return fd;
}

void
order_format(struct buf *out, const struct order *o)
{
	char id[QUEUE_ID_MAX + 1];
	(void)buf_addf(out, ORDER_START "%s%s%s\n", verbs[o->verb],
	    o->report ? " report" : "", o->purge ? " purge" : "");
	for (size_t i = 0; i < o->n; i++) {
		message_id_make(id, o->v[i].batch, o->v[i].seq);
		(void)buf_addf(out, "%s %" PRIu32 "\n", id, o->v[i].rcpt);
	}
	(void)buf_addf(out, "END %zu %08" PRIx32 "\n", o->n,
	    io_crc32c(0, buf_str(out), out->len));
}

int
order_place(int dir_fd, const struct order *o, char id[BATCH_ID_LEN + 1])
{
	struct buf text;
	buf_init(&text, ORDER_FILE_MAX);
	order_format(&text, o);
	store_make_id(id);
	errno = EFBIG;
	int rc =
	    buf_ok(&text) ? step_place(dir_fd, id, text.data, text.len) : -1;
	int saved = errno;
	buf_free(&text);
	errno = saved;
	return rc;
}

/* --- reading --- */

struct lines {
	char *p, *end;
};

/* The next line, a string now; NULL when there is none. */
static char *
line(struct lines *l)
{
	char *lf = memchr(l->p, '\n', (size_t)(l->end - l->p));
	char *start = l->p;
	if (lf == NULL || memchr(start, '\0', (size_t)(lf - start)) != NULL)
		return NULL;
	*lf = '\0';
	l->p = lf + 1;
	return start;
}

/* "VERB", or "remove" with its words in their order. */
static bool
read_verb(struct order *o, const char *text)
{
	size_t len = text != NULL ? strcspn(text, " ") : 0, i = 0;
	while (i < sizeof(verbs) / sizeof(verbs[0]) &&
	       (strlen(verbs[i]) != len || memcmp(verbs[i], text, len) != 0))
		i++;
	if (len == 0 || i == sizeof(verbs) / sizeof(verbs[0]))
		return false;
	o->verb = (enum order_verb)i;
	const char *rest = text + len;
	o->report = strncmp(rest, " report", 7) == 0;
	rest += o->report ? 7 : 0;
	o->purge = strcmp(rest, " purge") == 0;
	rest += o->purge ? 6 : 0;
	return *rest == '\0' &&
	       (o->verb == ORDER_REMOVE || (!o->report && !o->purge));
}

static bool
read_target(struct order *o, const char *text)
{
	struct order_target t;
	const char *blank = strchr(text, ' ');
	char *end;
	if (blank == NULL || blank[1] < '1' || blank[1] > '9' ||
	    message_id_parse(text, (size_t)(blank - text), t.batch, &t.seq) !=
		0)
		return false;
	errno = 0;
	unsigned long rcpt = strtoul(blank + 1, &end, 10);
	if (errno != 0 || *end != '\0' || rcpt > UINT32_MAX)
		return false;
	return order_add(o, t.batch, t.seq, (uint32_t)rcpt) == 0;
}

int
order_parse(struct order *o, struct buf *text)
{
	struct lines l = {.p = text->data, .end = text->data + text->len};
	const size_t start = sizeof(ORDER_START) - 1;
	char want[64], *at;
	if (text->len < start || memcmp(text->data, ORDER_START, start) != 0)
		return -1;
	l.p += start;
	/* The checksum is of what line() has not touched yet. */
	char *last =
	    text->len < 2 ? NULL : memrchr(text->data, '\n', text->len - 1);
	if (last == NULL)
		return -1;
	size_t covered = (size_t)(last + 1 - text->data);
	uint32_t crc = io_crc32c(0, text->data, covered);
	if (!read_verb(o, line(&l)))
		return -1;
	while ((at = line(&l)) != NULL && l.p < l.end)
		if (!read_target(o, at))
			return -1;
	(void)snprintf(want, sizeof(want), "END %zu %08" PRIx32, o->n, crc);
	return at != NULL && l.p == l.end && strcmp(at, want) == 0 &&
		       (o->verb == ORDER_FLUSH) == (o->n == 0)
		   ? 0
		   : -1;
}

int
order_read(int dir_fd, const char *id, struct order *o)
{
	struct buf text;
	*o = (struct order){0};
	int fd = openat(dir_fd, id,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	buf_init(&text, ORDER_FILE_MAX);
	int rc = io_slurp(fd, &text);
	int saved = errno;
	(void)close(fd);
	if (rc == 0 && order_parse(o, &text) != 0) {
		order_free(o);
		rc = -1;
		saved = EBADMSG;
	}
	buf_free(&text);
	errno = saved;
	return rc;
}
