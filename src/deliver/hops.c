/* SPDX-License-Identifier: ISC */
/*
 * The engine: which multi of libcurl has which connection while it is being
 * set up.  Not what happens afterwards: once a session stands, libcurl lets
 * go of the socket and hop.c has it.
 *
 * Invariant: hooks of the owner are never called from within a callback of
 * libcurl (multi.c).
 */
#include "deliver/hop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/log.h"
#include "deliver/hop_internal.h"

/* What has been set up, or not. */
static void
on_done(void *arg, CURL *easy, CURLcode code)
{
	struct hop *h = NULL;
	(void)arg;
	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &h);
	hop_done(h, code);
}

static struct lane *
lane_new(struct hops *hs)
{
	struct multi *multi = multi_new(hs->base, on_done, NULL);
	if (multi == NULL)
		return NULL;
	struct lane *l = alloc_zero(1, sizeof(*l));
	l->multi = multi;
	l->next = hs->lanes;
	hs->lanes = l;
	return l;
}

int
lane_add(struct hop *h)
{
	struct lane *l = h->hops->lanes;
	while (l != NULL && l->users >= MULTI_CONNECTIONS_MAX)
		l = l->next;
	if (l == NULL)
		l = lane_new(h->hops);
	if (l == NULL || multi_add(l->multi, h->easy) != 0)
		return -1;
	h->lane = l;
	l->users++;
	return 0;
}

void
lane_remove(struct hop *h)
{
	if (h->lane == NULL)
		return;
	multi_remove(h->lane->multi, h->easy);
	h->lane->users--;
	h->lane = NULL;
}

struct hops *
hops_new(struct event_base *base)
{
	/* NOSIGNAL keeps libcurl from touching signals, and OpenSSL writes
	 * with write(2): a closed connection must not kill us. */
	(void)signal(SIGPIPE, SIG_IGN);
	/* libcurl would write session keys there (C18). */
	(void)unsetenv("SSLKEYLOGFILE");
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		errno = ENOSYS;
		return NULL;
	}
	struct hops *hs = alloc_zero(1, sizeof(*hs));
	hs->base = base;
	TAILQ_INIT(&hs->all);
	if (lane_new(hs) == NULL) {
		free(hs);
		curl_global_cleanup();
		errno = ENOMEM;
		return NULL;
	}
	hs->trust = trust_new();
	hs->secrets = secrets_new(base);
	return hs;
}

void
hops_free(struct hops *hs)
{
	struct status st;
	struct hop *h;
	if (hs == NULL)
		return;
	status_set(&st, LATER, 0, "4.3.2", "this host is stopping");
	while ((h = TAILQ_FIRST(&hs->all)) != NULL) {
		hop_abort(h, &st);
		hop_finish(h);
	}
	struct lane *l, *next;
	for (l = hs->lanes; l != NULL; l = next) {
		next = l->next;
		multi_free(l->multi);
		free(l);
	}
	trust_free(hs->trust);
	secrets_free(hs->secrets);
	free(hs);
	curl_global_cleanup();
}

void
hops_forget_secrets(struct hops *hs)
{
	secrets_forget(hs->secrets);
}
