/* SPDX-License-Identifier: ISC */
/*
 * Moves octets between libcurl and the client machine of a session.  Not
 * what they mean (client.c).
 *
 * Traps handled here: the frozen chunk (C2, with client_write.c), recv until
 * AGAIN (C3), reading once more after a send error (C16), EOF of both kinds
 * (C17).  Invariant: replies are read before anything more is written, and
 * no connection holds the loop for long.
 */
#include "deliver/hop_internal.h"

#include "base/clock.h"

#define QUIT_MS 1000 /* for the reply to QUIT */
#define READS_MAX 16 /* in a row, before others have their turn */
#define BURST_MAX 16 /* chunks, likewise */

/* The client says that the connection is over. */
static void
end_client(struct hop *h)
{
	struct status st = *client_why(h->client);
	hop_end(h, &st);
}

/* Take what there is.  false: the hop is ending. */
bool
hop_read(struct hop *h)
{
	for (int i = 0; i < READS_MAX; i++) {
		char *in = h->hops->in;
		size_t n = 0;
		CURLcode r =
		    curl_easy_recv(h->easy, in, sizeof(h->hops->in), &n);
		if (r == CURLE_AGAIN)
			return true;
		if (r != CURLE_OK || n == 0) {
			hop_lost(
			    h, "4.4.2", "the server closed the connection");
			return false;
		}
		if (client_input(h->client, in, n) != 0)
			end_client(h);
		if (h->state == HOP_ENDING)
			return false;
		/* Without TLS nothing hides behind a short read (C3). */
		if (!h->has_tls && n < sizeof(h->hops->in))
			return true;
	}
	event_active(&h->read_event, EV_READ, 0);
	return true;
}

/* Send one chunk, or what is left of it.  false: not now. */
static bool
write_chunk(struct hop *h)
{
	const char *data;
	size_t sent = 0, n = client_output(h->client, &data);
	if (h->state == HOP_ENDING)
		return false;
	if (client_broken(h->client)) {
		end_client(h);
		return false;
	}
	if (n == 0)
		return false;
	CURLcode r = curl_easy_send(h->easy, data, n, &sent);
	if (r == CURLE_AGAIN) {
		event_add(&h->write_event, NULL);
		return false;
	}
	if (r == CURLE_OK) {
		client_sent(h->client, sent);
		return true;
	}
	/* The server may have said why before it closed (C16). */
	if (hop_read(h))
		hop_lost(h, "4.4.2", curl_easy_strerror(r));
	return false;
}

/* Tell the owner about room for more, before the next chunk is made: what
 * it gives now rides along. */
static void
offer_room(struct hop *h)
{
	bool can = hop_can_take(h);
	bool due = can && (h->room_due || !h->could_take);
	h->could_take = can;
	if (!due)
		return;
	h->room_due = false;
	h->hooks.room(h->arg, h);
	h->could_take = hop_can_take(h);
}

bool
hop_busy(const struct hop *h)
{
	return !client_idle(h->client) || h->state == HOP_QUIT;
}

/* Keep the deadline.  The timer is not moved with each octet: when it goes
 * off it looks at what happened meanwhile. */
static void
watch_progress(struct hop *h)
{
	uint64_t progress = client_progress(h->client);
	if (progress != h->progress) {
		h->progress = progress;
		h->since = clock_mono_ms();
	}
	if (h->state == HOP_QUIT && client_idle(h->client) && !h->quit_timed) {
		h->quit_timed = true;
		hop_timer(h, QUIT_MS);
	} else if (hop_busy(h) && !evtimer_pending(&h->timer, NULL)) {
		hop_timer(h, h->timeout_ms);
	}
}

static void
pump(struct hop *h)
{
	const char *data;
	bool more = true;
	if (h->pumping || h->state == HOP_ENDING || h->client == NULL)
		return;
	h->pumping = true;
	for (int i = 0; more && i < BURST_MAX; i++) {
		/* Read before writing, always: replies must not pile up. */
		if (!hop_read(h))
			break;
		offer_room(h);
		more = h->state != HOP_ENDING && write_chunk(h) &&
		       client_output(h->client, &data) > 0;
	}
	h->pumping = false;
	if (h->state == HOP_ENDING)
		return;
	if (client_broken(h->client)) {
		end_client(h);
		return;
	}
	offer_room(h);
	if (more)
		event_active(&h->write_event, EV_WRITE, 0);
	watch_progress(h);
}

void
hop_io(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	pump(arg);
}

/* Let pump() run from the event loop; not when it runs anyway. */
void
hop_kick(struct hop *h)
{
	if (!h->pumping && h->state != HOP_ENDING)
		event_active(&h->write_event, EV_WRITE, 0);
}
