/* SPDX-License-Identifier: ISC */
/*
 * What hops.c (the engine), hop_setup.c (until a session stands) and hop.c
 * (one connection's life) share; for nobody else.
 */
#ifndef DELIVER_HOP_INTERNAL_H
#define DELIVER_HOP_INTERNAL_H

#include <sys/queue.h>

#include <curl/curl.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "deliver/dane.h"
#include "deliver/hop.h"
#include "deliver/multi.h"
#include "deliver/secrets.h"
#include "deliver/sts.h"
#include "deliver/trust.h"

/* One libcurl multi; searches in it are linear (C4). */
struct lane {
	struct lane *next;
	struct multi *multi;
	unsigned users;
};

struct hops {
	struct event_base *base;
	struct trust *trust;
	struct secrets *secrets;
	struct lane *lanes;
	TAILQ_HEAD(hop_list, hop) all;
	char in[CHUNK_SIZE]; /* read here; never used across calls */
};

/* What the server said until the session stood. */
struct setup {
	struct client_caps caps;
	unsigned lines;
	int code;        /* of the last line */
	char last[256];  /* the last line, without its end */
	CURLcode result; /* libcurl's, once it failed */
	bool greeted;    /* 220 */
	bool ehlo;       /* a whole 250, since STARTTLS */
	bool starttls;   /* 220 to STARTTLS */
	bool authorized; /* 235 */
};

/* What proves, or is to prove, that it is the right host. */
enum hop_proof { PROOF_NONE, PROOF_CA, PROOF_STS, PROOF_DANE };

enum hop_state {
	HOP_SETUP,
	HOP_OPEN,
	HOP_QUIT,   /* QUIT goes out once nothing is open */
	HOP_ENDING, /* end_event will come */
};

struct hop {
	TAILQ_ENTRY(hop) of_engine;
	struct hops *hops;
	struct lane *lane; /* NULL: not in a multi */
	struct hop_target target;
	struct hop_hooks hooks;
	void *arg;
	enum hop_state state;

	/* What it is to prove. */
	enum tls_wish wish;
	enum hop_proof proof;
	bool refused_first; /* not even connected to */
	bool testing;       /* as MTA-STS, for the log only */
	bool records;    /* TLSA records: there is TLS, whether usable or not */
	char found[200]; /* what is published, in words */
	char *domain;    /* NULL: no MTA-STS */
	char *ca_file;   /* for tls = verify; sts_ca_file: for MTA-STS */
	char *sts_ca_file;
	struct sts *sts;
	struct resolver *resolver; /* NULL: no DANE */
	struct question *tlsa;     /* under way, or for the alias */
	const char *base;          /* the name that TLSA is asked of */
	struct sts_query *query;   /* the same for the policy */
	struct dane *dane;         /* owned; NULL: no usable record */

	/* Set-up. */
	enum tls_policy policy; /* what is insisted on (raised by user) */
	bool implicit;
	bool in_clear; /* second try, after a failed handshake */
	char *user;
	bool bearer, refused; /* a token; the login was refused */
	bool tried;           /* libcurl began to connect */
	char *command;        /* the secret's, or NULL */
	struct secret_question *question;
	struct secret *secret;
	X509_STORE *store;
	CURL *easy;
	struct curl_slist *connect_to;
	char error[CURL_ERROR_SIZE];
	struct setup setup;
	struct buf said; /* hop_said.c; max 0: nobody watches */
	bool hushed;     /* AUTH has begun: secrets may be repeated */
	int64_t connect_timeout_ms, timeout_ms;

	/* Session. */
	struct client *client;
	bool has_tls, was_ready, pumping, room_due, could_take, quit_timed;
	char tls[100];
	uint64_t progress; /* client_progress() when last seen */
	int64_t since;     /* ... and when it last changed */
	struct event read_event, write_event, timer, end_event;
	struct status end;
};

/* Take a place in a multi (hops.c).  0; -1 when libcurl refuses. */
int lane_add(struct hop *h) MUST_CHECK;
void lane_remove(struct hop *h); /* closes the connection */

/* Make the easy handle.  0; -1 and LATER in *st (hop_setup.c). */
int setup_prepare(
    struct hop *h, const struct hop_options *o, struct status *st) MUST_CHECK;

/* Ask what is published about the host, then hop_begin() or hop_end(), now
 * or from the event loop; stop asking (hop_policy.c). */
void policy_ask(struct hop *h);
void policy_cancel(struct hop *h);

/* A session stands under a policy in testing mode; fault: NULL, or what it
 * would have failed for. */
void policy_tested(const struct hop *h, const char *fault);

/* Options for what was decided.  0; -1 and LATER in *st (hop_secure.c). */
int setup_secure(struct hop *h, struct status *st) MUST_CHECK;

/* Why it is no session, in words: the server has no STARTTLS; libcurl's text
 * about a certificate, with what wanted it proven (out is room for that). */
const char *secure_missing(const struct hop *h);
const char *secure_unproved(
    const struct hop *h, const char *text, char *out, size_t room);

/* Is TLS what it was to be?  0; -1 and *st: LATER, or NEVER 5.7.30. */
int setup_proved(struct hop *h, struct status *st) MUST_CHECK;

/* Set the status of a set-up that failed; what may be NULL.  NEVER when
 * enhanced begins with 5. */
void setup_status(const struct hop *h, const char *what, const char *enhanced,
    struct status *st);

/* The same from libcurl's result. */
void setup_failed(struct hop *h, CURLcode code, struct status *st);

/* Is all there that the policy wants?  0; -1 and LATER in *st. */
int setup_check(struct hop *h, struct status *st) MUST_CHECK;

/* May it be tried again without TLS?  Then the handle is made ready. */
bool setup_fall_back(struct hop *h) MUST_CHECK;

/* User, mechanism and secret.  0, and with h->question the secret is still
 * to come, then policy_ask() follows; -1 and LATER in *st (hop_login.c). */
int login_prepare(
    struct hop *h, const struct session_conf *s, struct status *st) MUST_CHECK;

/* The server did not let us in: forget what is no good; out says why, for
 * when the last reply does not. */
#define LOGIN_WHY_MAX 200
void login_failed(struct hop *h, char out[LOGIN_WHY_MAX]);

/* Nothing of the set-up is needed any more: wipe the secret. */
void login_forget(struct hop *h);

/* It is known what to insist on: connect (hop.c). */
void hop_begin(struct hop *h);

/* libcurl is done with the set-up (hop.c). */
void hop_done(struct hop *h, CURLcode code);

/* End it now; or begin the end: open transactions are answered at once,
 * the rest follows from the event loop (hop.c). */
void hop_finish(struct hop *h);
void hop_end(struct hop *h, const struct status *st);
void hop_lost(struct hop *h, const char *enhanced, const char *why);
void hop_timer(struct hop *h, int64_t ms);

/* Move octets (hop_pump.c).  hop_read takes what there is; false: the hop
 * is ending.  hop_kick lets the event loop do the rest. */
bool hop_read(struct hop *h) MUST_CHECK;
void hop_io(evutil_socket_t fd, short what, void *arg);
void hop_kick(struct hop *h);
bool hop_busy(const struct hop *h); /* is something owed to us? */

#endif
