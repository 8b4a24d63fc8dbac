/* SPDX-License-Identifier: ISC */
/*
 * One client's visit: its socket, TLS, session and letter.  Private to
 * visit.c (octets and time) and visit_hooks.c (decisions).
 */
#ifndef SMTPD_VISIT_H
#define SMTPD_VISIT_H

#include <event2/util.h>

#include "base/buf.h"
#include "smtpd/relay.h"
#include "smtpd/session.h"
#include "smtpd/worker.h"

enum stage {
	STAGE_PROXY,     /* the PROXY header comes first */
	STAGE_NAME,      /* its reverse name is looked up */
	STAGE_HANDSHAKE, /* TLS */
	STAGE_SESSION,
};

/* What is answered when the reverse name is known. */
enum waits { WAITS_NOT, WAITS_RCPT, WAITS_DATA };

struct visit {
	LIST_ENTRY(visit) link;
	struct worker *worker;
	char *listener;                     /* name of the section */
	struct secure_context *tls_context; /* counted; NULL: no TLS here */
	int fd;
	struct event *readable, *writable, *timer;
	enum stage stage;
	bool implicit;       /* TLS from the first octet */
	bool counted;        /* by the guard */
	struct ip counts_as; /* with it: the peer's address, or its user's */
	bool gone;      /* the socket is closed; the commit is waited for */
	bool drained;   /* there was no more to read: ask only when told */
	bool last_call; /* 421 was said; the next deadline closes */
	struct secure *secure;
	struct session *session;
	struct buf in; /* octets that the session has not taken yet */
	int64_t deadline, armed, data_since; /* monotonic ms */
	uint64_t data_octets;

	struct peer peer;
	struct name_query *name_query;
	enum waits waits;
	bool in_hook;               /* an answer now is no answer later */
	const struct conf *welcome; /* access was granted by this one */
	struct auth_channel channel;
	char mechanisms[128];
	struct auth_exchange *exchange;
	struct site *exchange_site; /* counted with it */
	struct event *late;         /* a failure to be told after its delay */
	struct status auth_status;
	unsigned auth_failures;
	struct address asked; /* the RCPT that waits for a name */

	struct submit *submit;
	struct site *letter_site; /* counted while a letter is in hand */
	struct address letter_from;
	char envid[ENVID_MAX + 1];
	bool committing;
	char received_from[DOMAIN_MAX + 320], source[512];
	char with[16], comment[256];
	unsigned long long letter_size;
	unsigned letter_rcpts;
};

/* Failed logins in one session; then 421 (F13). */
#define AUTH_FAILURES_MAX 3

extern const struct session_hooks visit_hooks;

/* Octets that wait for the session, at most. */
#define VISIT_IN_MAX (64 * 1024)
#define VISIT_STOPPING "Service is stopping"
#define VISIT_SETUP_MS 10000 /* PROXY header, name, handshake (F05) */

/* --- visit_setup.c --- */

/* The session said 220 to STARTTLS, or TLS comes first. */
void visit_start_tls(struct visit *v);

/* Go on with what the socket is ready for. */
void visit_on_socket(evutil_socket_t fd, short what, void *arg);

/* --- visit.c --- */
void visit_close(struct visit *v);
void visit_deadline(struct visit *v, int64_t at); /* monotonic ms */
void visit_on_timer(evutil_socket_t fd, short what, void *arg);

/* A command was answered, or message octets came. */
void visit_progress(struct visit *v);

/* Go on: feed the session, send what it says, close when it is over. */
void visit_pump(struct visit *v);

/* The commit of a visit whose socket is closed has ended. */
void visit_free(struct visit *v);

/* --- visit_auth.c --- */
enum auth_step visit_auth_start(void *arg, const char *mechanism,
    const char *initial, size_t len, struct buf *out, struct status *st);
enum auth_step visit_auth_next(void *arg, const char *response, size_t len,
    struct buf *out, struct status *st);
void visit_auth_cancel(void *arg);

/* --- visit_hooks.c --- */

/* The listener's section in the current configuration, or NULL. */
const struct listener *visit_listener(const struct visit *v);

/* Is all known that the lists of the configuration need?  Else it is looked
 * up, and the visit goes on with what waits for it. */
bool visit_find_name(struct visit *v);

/* --- visit_letter.c --- */

/* DATA was allowed.  -1: not begun; st says why. */
int visit_start_letter(struct visit *v, struct status *st) MUST_CHECK;

/* The session's hooks for what comes after it. */
int visit_octets(void *arg, const char *p, size_t n, struct status *st);
enum ask visit_commit(void *arg, struct status *st);
void visit_reset(void *arg);

/* Let go of a letter that was not committed. */
void visit_drop_letter(struct visit *v);

#endif
