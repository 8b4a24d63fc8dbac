/* SPDX-License-Identifier: ISC */
/*
 * Jobs: loading a message for delivery and collecting the answers for its
 * recipients.  Not who decides what an answer means (settle.c).  Nothing of
 * a message leaves before its checksum was verified (I14, I15).
 */
#include "deliver/job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "deliver/carrier.h"
#include "queue/transcript.h"

struct job *
job_new(struct destination *d, struct letter *l)
{
	struct job *j = alloc_zero(1, sizeof(*j));
	j->destination = d;
	j->letter = l;
	return j;
}

void
job_add(struct job *j, uint32_t slot)
{
	if (j->n == j->cap) {
		j->cap = j->cap ? j->cap * 2 : 1;
		j->results =
		    alloc_grow(j->results, j->cap, sizeof(struct result));
	}
	j->results[j->n++] = (struct result){.slot = slot};
	j->letter->slots[slot].state = SLOT_ACTIVE;
}

void
job_free(struct job *j, struct schedule *s)
{
	job_unload(j);
	for (uint32_t i = 0; i < j->n; i++)
		intern_drop_reason(&s->interns, j->results[i].reason);
	free(j->results);
	free(j);
}

/* Find each recipient of the job in the envelope by its number. */
static int
match_recipients(struct job *j, struct cargo *g, const char **why)
{
	g->indices = alloc_zero(j->n, sizeof(uint32_t));
	size_t k = 0;
	for (uint32_t i = 0; i < j->n; i++) {
		uint32_t number = j->letter->slots[j->results[i].slot].number;
		while (k < g->env.nrcpts && g->env.rcpts[k].number < number)
			k++;
		if (k == g->env.nrcpts || g->env.rcpts[k].number != number) {
			*why = "a recipient is missing from the envelope";
			errno = EBADMSG;
			return -1;
		}
		g->indices[i] = j->results[i].index = (uint32_t)k;
	}
	return 0;
}

static int
verify(struct cargo *g, const char **why)
{
	if (batch_verify_lines(&g->batch, &g->entry, &g->long_line, why) != 0)
		return -1;
	g->verified = true;
	return 0;
}

static int
load(struct job *j, struct cargo *g, const char **why)
{
	uint64_t at = j->letter->offset;
	int found = batch_next(&g->batch, &at, &g->entry, why);
	if (found == 0) {
		*why = "the message is missing from its batch";
		errno = EBADMSG;
	}
	if (found != 1 ||
	    batch_envelope(&g->batch, &g->entry, &g->env, why) != 0)
		return -1;
	if ((g->entry.data_len <= LARGE_MESSAGE && verify(g, why) != 0) ||
	    match_recipients(j, g, why) != 0) {
		int error = errno;
		envelope_free(&g->env);
		free(g->indices);
		errno = error;
		return -1;
	}
	return 0;
}

static int
open_cargo(
    struct job *j, struct store *store, struct cargo *g, const char **why)
{
	if (batch_open(&g->batch, store->new_fd, j->letter->bundle->id, why) !=
	    0)
		return -1;
	if (load(j, g, why) != 0) {
		int error = errno;
		batch_close(&g->batch);
		errno = error;
		return -1;
	}
	return 0;
}

int
job_load(struct job *j, struct store *store, const char **why)
{
	if (j->cargo != NULL)
		return 0;
	*why = "";
	struct cargo *g = alloc_zero(1, sizeof(*g));
	if (open_cargo(j, store, g, why) != 0) {
		int error = errno;
		free(g);
		errno = error;
		return -1;
	}
	g->transaction = (struct transaction){.env = &g->env,
	    .rcpts = g->indices,
	    .nrcpts = j->n,
	    .size = g->entry.data_len,
	    .cookie = j};
	g->transcript =
	    g->env.watch != NULL ? transcript_open(store, g->env.watch) : -1;
	j->cargo = g;
	return 0;
}

bool
job_is_large(const struct job *j)
{
	return j->cargo->entry.data_len > LARGE_MESSAGE;
}

int
job_verify(struct job *j, const char **why)
{
	*why = "";
	return j->cargo->verified ? 0 : verify(j->cargo, why);
}

static ssize_t
read_letter(void *arg, uint64_t offset, char *out, size_t room)
{
	struct cargo *g = arg;
	return batch_read(&g->batch, &g->entry, offset, out, room);
}

static struct convert_source
queued(struct cargo *g)
{
	return (struct convert_source){read_letter, g, g->entry.data_len};
}

int
job_render(struct job *j, const struct conf *c, struct keyring *keys,
    const struct store *store, const struct client_caps *caps,
    struct status *st)
{
	struct cargo *g = j->cargo;
	const struct rendition_input in = {.source = queued(g),
	    .env = &g->env,
	    .rcpts = g->indices,
	    .nrcpts = j->n,
	    .long_line = g->long_line,
	    .caps = caps,
	    .conf = c,
	    .keys = keys,
	    .dir_fd = store->tmp_fd,
	    .stop = g->batch.stop};
	if (rendition_make(&g->rendition, &in, st) != 0)
		return -1;
	g->transaction.env = rendition_envelope(&g->rendition, &in);
	g->transaction.size = rendition_size(&g->rendition, &in);
	return 0;
}

void
job_broken(struct job *j, int error, const char *why)
{
	j->broken = error == EBADMSG || error == ENOENT;
	j->why = error == EBADMSG ? why : "the file is gone";
}

void
job_unload(struct job *j)
{
	if (j->cargo == NULL)
		return;
	rendition_free(&j->cargo->rendition);
	batch_close(&j->cargo->batch);
	if (j->cargo->transcript >= 0)
		(void)close(j->cargo->transcript);
	envelope_free(&j->cargo->env);
	free(j->cargo->indices);
	free(j->cargo);
	j->cargo = NULL;
}

void
job_result(
    struct job *j, struct schedule *s, uint32_t i, const struct status *st)
{
	struct reason *old = j->results[i].reason;
	j->results[i].kind = RESULT_STATUS;
	j->results[i].reason = intern_reason(&s->interns, st, "");
	intern_drop_reason(&s->interns, old);
}

void
job_result_all(struct job *j, struct schedule *s, const struct status *st)
{
	for (uint32_t i = 0; i < j->n; i++)
		if (j->results[i].kind != RESULT_STATUS)
			job_result(j, s, i, st);
}

ssize_t
job_body(struct job *j, uint64_t offset, char *out, size_t room)
{
	const struct convert_source source = queued(j->cargo);
	return rendition_read(&j->cargo->rendition, offset, out, room, &source);
}
