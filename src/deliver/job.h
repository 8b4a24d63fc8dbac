/* SPDX-License-Identifier: ISC */
/*
 * A job: one message on its way to some of its recipients, all of one
 * destination, made when it is about to be tried or has its answer.  Loaded,
 * it has its cargo: the open queue file, the envelope and the transaction.
 */
#ifndef DELIVER_JOB_H
#define DELIVER_JOB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "deliver/client.h"
#include "deliver/rendition.h"
#include "deliver/schedule.h"
#include "queue/batch.h"

struct carrier;
struct destination;

enum result_kind {
	RESULT_NONE,   /* no answer yet */
	RESULT_STATUS, /* reason says which */
	RESULT_UNSENT, /* had no effect; may be tried at once */
};

/* One recipient of the job. */
struct result {
	uint32_t slot;  /* index into letter->slots */
	uint32_t index; /* into env.rcpts, once loaded */
	enum result_kind kind;
	struct reason *reason; /* owned reference, RESULT_STATUS */
};

/* What a job holds only while it is under way. */
struct cargo {
	struct batch batch;
	struct batch_entry entry;
	struct envelope env;
	bool verified;     /* the message has the right checksum */
	bool long_line;    /* some line is longer than the standard allows */
	uint32_t *indices; /* for the transaction; owned */
	struct rendition rendition;
	struct transaction transaction;
	int transcript;   /* -1: nobody watches */
	char remote[320]; /* "host[ip]:port" of the session, or "" */
	char tls[80];     /* as hop_tls(), or "" */
	bool dsn;         /* as hop_dsn() */
};

struct job {
	struct job *next; /* among the settled */
	struct destination *destination;
	struct letter *letter;
	struct result *results; /* n of them, owned */
	uint32_t n, cap;
	bool broken; /* the file cannot be read: why, for the log */
	const char *why;
	struct cargo *cargo; /* NULL unless loaded; owned */
};

struct job *job_new(struct destination *d, struct letter *l) MUST_CHECK;
void job_add(struct job *j, uint32_t slot);
void job_free(struct job *j, struct schedule *s);

/*
 * Open the queue file, check envelope and message, set up the transaction.
 * A large message is not read: job_verify() is to come before anything is
 * done with it.  0.  -1: errno EBADMSG and *why: the batch is broken; other
 * errors are temporary.
 */
int job_load(struct job *j, struct store *store, const char **why) MUST_CHECK;

/* Is the message of a loaded job one for the porter? */
bool job_is_large(const struct job *j);

/* Check the message of a loaded job, if that was not done yet.  As
 * job_load(), for any thread. */
int job_verify(struct job *j, const char **why) MUST_CHECK;

/* Set the transaction up for a server with these capabilities.  0; -1 with
 * *st: the message cannot be brought into a form that it takes.  For any
 * thread that has these keys for itself. */
int job_render(struct job *j, const struct conf *c, struct keyring *keys,
    const struct store *store, const struct client_caps *caps,
    struct status *st) MUST_CHECK;

/* Close the file again; results stay. */
void job_unload(struct job *j);

/* It cannot be loaded, with errno and *why as job_load() left them: does it
 * never get better?  Then it is broken. */
void job_broken(struct job *j, int error, const char *why);

/* Set one result, or all that have none yet. */
void job_result(
    struct job *j, struct schedule *s, uint32_t i, const struct status *st);
void job_result_all(struct job *j, struct schedule *s, const struct status *st);

/* For the client's body hook. */
ssize_t job_body(struct job *j, uint64_t offset, char *out, size_t room);

#endif
