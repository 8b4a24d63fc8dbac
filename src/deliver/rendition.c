/* SPDX-License-Identifier: ISC */
/*
 * What a hop gets to see of a letter.  Decides what is needed; how it is
 * done is in convert.c.
 *
 * Invariant: until rendition_make() has succeeded nothing of the letter is
 * sent, and what is sent afterwards was written, and can be read, whole.
 */
#include "deliver/rendition.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/limits.h"
#include "base/log.h"
#include "deliver/dkim_sign.h"
#include "deliver/idn.h"
#include "queue/store.h"

/* --- the envelope --- */

static bool
needs_utf8(const struct rendition_input *in)
{
	return in->env->utf8 && !in->caps->smtputf8;
}

/* A copy whose recipients may differ. */
static void
own_envelope(struct rendition *r, const struct rendition_input *in)
{
	size_t n = in->env->nrcpts;
	if (r->readdressed)
		return;
	r->readdressed = true;
	r->env = *in->env;
	r->env.rcpts = alloc_zero(n + 1, sizeof(*r->env.rcpts));
	memcpy(r->env.rcpts, in->env->rcpts, n * sizeof(*r->env.rcpts));
}

static void
readdress(struct rendition *r, const struct rendition_input *in)
{
	own_envelope(r, in);
	r->env.utf8 = idn_address(&r->env.from) != 0;
	for (size_t i = 0; i < in->nrcpts; i++)
		/* What cannot be done the client sees and refuses. */
		if (idn_address(&r->env.rcpts[in->rcpts[i]].addr) != 0)
			continue;
}

/* --- the message --- */

static int
trouble(struct status *st)
{
	status_set(st, LATER, 0,
	    errno == ENOSPC || errno == EDQUOT ? "4.3.1" : "4.3.0",
	    "the message cannot be converted now: %s", strerror(errno));
	return -1;
}

static int
impossible(const struct rendition_input *in, bool address, const char *why,
    struct status *st)
{
	if (address)
		status_set(st, NEVER, 0, "5.6.7", "%s", why);
	else
		status_set(st, NEVER, 0, "5.6.3",
		    "the server lacks %s, and the message cannot be "
		    "converted: %s",
		    in->caps->eight_bit ? "SMTPUTF8" : "8BITMIME", why);
	return -1;
}

static int
convert_message(struct rendition *r, const struct rendition_input *in,
    unsigned how, struct status *st)
{
	const char *why;
	bool address;
	int fd = store_scratch(in->dir_fd);
	if (fd < 0)
		return trouble(st);
	enum convert_result result = convert(
	    &in->source, how, idn_to_ascii, fd, &r->size, &why, &address);
	if (result == CONVERT_DONE) {
		r->fd = fd;
		r->converted = true;
		return 0;
	}
	int error = errno;
	(void)close(fd);
	errno = error;
	if (result == CONVERT_NEEDLESS)
		return 0;
	return result == CONVERT_FAILED ? trouble(st)
					: impossible(in, address, why, st);
}

/* As the server will see it, but for what is put before it. */
struct converted {
	int fd;
	const atomic_bool *stop;
};

static ssize_t
read_converted(void *arg, uint64_t offset, char *out, size_t room)
{
	const struct converted *c = arg;
	if (c->stop != NULL && atomic_load(c->stop)) {
		errno = ECANCELED;
		return -1;
	}
	return io_pread(c->fd, out, room, (off_t)offset);
}

static int
sign(struct rendition *r, const struct rendition_input *in, struct status *st)
{
	struct converted c = {r->fd, in->stop};
	const struct convert_source converted = {read_converted, &c, r->size};
	if (in->conf->ndkim == 0 || !dkim_entitled(in->env))
		return 0;
	buf_init(&r->prefix, HEADER_MAX);
	return dkim_sign(r->converted ? &converted : &in->source, in->conf,
	    in->keys, &r->prefix, st);
}

static int
render(struct rendition *r, const struct rendition_input *in, struct status *st)
{
	unsigned how = 0;
	if (in->env->eight_bit && !in->caps->eight_bit) {
		how |= CONVERT_SEVEN_BIT;
		own_envelope(r, in);
		r->env.eight_bit = false;
	}
	if (needs_utf8(in)) {
		how |= CONVERT_ASCII_HEADER;
		readdress(r, in);
	}
	if ((how != 0 || in->long_line) && convert_message(r, in, how, st) != 0)
		return -1;
	return sign(r, in, st);
}

int
rendition_make(
    struct rendition *r, const struct rendition_input *in, struct status *st)
{
	rendition_free(r);
	if (render(r, in, st) == 0)
		return 0;
	rendition_free(r);
	return -1;
}

void
rendition_free(struct rendition *r)
{
	if (r->converted)
		(void)close(r->fd);
	if (r->readdressed)
		free(r->env.rcpts);
	buf_free(&r->prefix);
	*r = (struct rendition){0};
}

/* --- for the client machine --- */

const struct envelope *
rendition_envelope(const struct rendition *r, const struct rendition_input *in)
{
	return r->readdressed ? &r->env : in->env;
}

uint64_t
rendition_size(const struct rendition *r, const struct rendition_input *in)
{
	return r->prefix.len + (r->converted ? r->size : in->source.size);
}

ssize_t
rendition_read(const struct rendition *r, uint64_t offset, char *out,
    size_t room, const struct convert_source *queued)
{
	if (offset < r->prefix.len) {
		size_t left = r->prefix.len - (size_t)offset;
		size_t n = left < room ? left : room;
		memcpy(out, r->prefix.data + offset, n);
		return (ssize_t)n;
	}
	offset -= r->prefix.len;
	if (r->converted)
		return io_pread(r->fd, out, room, (off_t)offset);
	return queued->read(queued->arg, offset, out, room);
}
