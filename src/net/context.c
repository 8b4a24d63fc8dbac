/* SPDX-License-Identifier: ISC */
/*
 * Options of libunbound.  Not the questions (resolver.c).
 *
 * libunbound runs inside our own event loop (ub_ctx_create_event), where it
 * needs neither thread nor process and does nothing while nothing is asked.
 * All options are set before the first question: later ones are refused.
 * It is built with libevent 2.1 and calls the one that this program loaded.
 */
#include "net/context.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unbound-event.h>
#include <unbound.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/reach.h"

#define RESOLV_CONF "/etc/resolv.conf"
#define SYSTEM_ANCHOR "/usr/share/dns/root.key"

static const char *const settings[][2] = {
    /* Forwarding to a resolver on this host is the usual case. */
    {"do-not-query-localhost:", "no"},
    /* Names for private networks, which may have servers there; localhost,
     * invalid and onion stay answered without asking.  ("nodefault" is for
     * unbound.conf: by this way 1.17 takes it, and ignores it.) */
    {"local-zone:", "test. transparent"},
    {"local-zone:", "home.arpa. transparent"},
    {"unblock-lan-zones:", "yes"}, /* reverse names in 10/8 and its like */
    {"insecure-lan-zones:", "yes"},
    {"edns-buffer-size:", "1232"},
    /* What is known about a server that does not answer, is forgotten
     * soon, so that it is asked again when the network is back; meanwhile
     * questions fail at once. */
    {"infra-host-ttl:", "5"},
    {"infra-cache-max-rtt:", "4000"},
    {"infra-keep-probing:", "yes"},
    {"cache-max-ttl:", "3600"},
    {"cache-max-negative-ttl:", "300"},
    /* DNS_QUESTIONS_MAX, and as many again that they lead to. */
    {"outgoing-range:", "256"},
};

static int
set(struct ub_ctx *ctx, const char *key, const char *value, struct buf *why)
{
	int error = ub_ctx_set_option(ctx, key, value);
	if (error == 0)
		return 0;
	(void)buf_addf(
	    why, "libunbound: %s %s: %s", key, value, ub_strerror(error));
	return -1;
}

/* The servers of a line of resolv.conf(5), added to *n. */
static void
add_server(struct ub_ctx *ctx, const char *line, size_t len, size_t *n)
{
	static const char key[] = "nameserver";
	const size_t k = sizeof(key) - 1;
	char server[64];
	if (len <= k || memcmp(line, key, k) != 0 ||
	    (line[k] != ' ' && line[k] != '\t'))
		return;
	const char *at = line + k, *end = line + len;
	at += strspn(at, " \t");
	size_t size = at < end ? strcspn(at, " \t\r\n#;") : 0;
	if (size == 0 || size >= sizeof(server))
		return;
	memcpy(server, at, size);
	server[size] = '\0';
	/* What is no address is passed over. */
	*n += ub_ctx_set_fwd(ctx, server) == 0;
}

/* ub_ctx_resolvconf() opens by path: in a sandbox the file may be gone. */
static size_t
add_system_servers(struct ub_ctx *ctx)
{
	struct buf text;
	size_t n = 0;
	buf_init(&text, RESOLV_CONF_MAX);
	int fd = reach_open(RESOLV_CONF);
	if (fd >= 0 && io_slurp(fd, &text) == 0) {
		const char *line = buf_str(&text), *all = line + text.len;
		while (line < all) {
			const char *end =
			    memchr(line, '\n', (size_t)(all - line));
			end = end != NULL ? end : all;
			add_server(ctx, line, (size_t)(end - line), &n);
			line = end + 1;
		}
	}
	if (fd >= 0)
		(void)close(fd);
	buf_free(&text);
	return n;
}

static int
set_servers(
    struct ub_ctx *ctx, const struct resolver_options *o, struct buf *why)
{
	for (size_t i = 0; i < o->n; i++) {
		int error = ub_ctx_set_fwd(ctx, o->servers[i]);
		if (error != 0) {
			(void)buf_addf(why, "DNS server %s: %s", o->servers[i],
			    ub_strerror(error));
			return -1;
		}
	}
	/* Without a readable file resolv.conf(5) means this host. */
	if (o->n == 0 && add_system_servers(ctx) == 0 &&
	    ub_ctx_set_fwd(ctx, "127.0.0.1") != 0) {
		(void)buf_adds(why, "no DNS server in " RESOLV_CONF);
		return -1;
	}
	return 0;
}

/*
 * An anchor that the administrator named is a demand: what is not signed
 * as it should be is bogus.  The system's is an offer: behind a server that
 * strips signatures all would be bogus and no mail would ever leave.
 */
static int
set_anchor(
    struct ub_ctx *ctx, const struct resolver_options *o, struct buf *why)
{
	const char *path = o->trust_anchor;
	if (path == NULL && access(SYSTEM_ANCHOR, R_OK) == 0) {
		path = SYSTEM_ANCHOR;
		if (set(ctx, "harden-dnssec-stripped:", "no", why) != 0)
			return -1;
	}
	if (path == NULL)
		return 0;
	if (access(path, R_OK) != 0) {
		(void)buf_addf(
		    why, "trust anchor %s: %s", path, strerror(errno));
		return -1;
	}
	int error = ub_ctx_add_ta_file(ctx, path);
	if (error != 0)
		(void)buf_addf(
		    why, "trust anchor %s: %s", path, ub_strerror(error));
	return error != 0 ? -1 : 0;
}

static int
set_up(struct ub_ctx *ctx, const struct resolver_options *o, struct buf *why)
{
	/* It would write to standard error in its own format. */
	(void)ub_ctx_debugout(ctx, NULL);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (set(ctx, settings[i][0], settings[i][1], why) != 0)
			return -1;
	if (set_servers(ctx, o, why) != 0)
		return -1;
	return set_anchor(ctx, o, why);
}

struct ub_ctx *
context_open(
    struct event_base *base, const struct resolver_options *o, struct buf *why)
{
	struct ub_ctx *ctx = ub_ctx_create_event(base);
	if (ctx == NULL) {
		(void)buf_adds(why, "libunbound cannot start");
		return NULL;
	}
	if (set_up(ctx, o, why) != 0) {
		ub_ctx_delete(ctx);
		return NULL;
	}
	return ctx;
}

bool
context_server_valid(const char *server)
{
	struct ip ip;
	const char *at = strchr(server, '@');
	size_t len = at != NULL ? (size_t)(at - server) : strlen(server);
	if (ip_parse(server, len, &ip) != 0)
		return false;
	if (at == NULL)
		return true;
	char *end;
	if (at[1] < '1' || at[1] > '9')
		return false;
	unsigned long port = strtoul(at + 1, &end, 10);
	return *end == '\0' && port <= 65535;
}

void
context_keep(struct context_options *k, const struct resolver_options *o)
{
	*k = (struct context_options){.options = *o};
	k->servers = alloc_zero(o->n, sizeof(char *));
	for (size_t i = 0; i < o->n; i++)
		k->servers[i] =
		    alloc_string(o->servers[i], strlen(o->servers[i]));
	k->options.servers = (const char *const *)k->servers;
	if (o->trust_anchor != NULL)
		k->options.trust_anchor = k->anchor =
		    alloc_string(o->trust_anchor, strlen(o->trust_anchor));
}

void
context_drop(struct context_options *k)
{
	for (size_t i = 0; i < k->options.n; i++)
		free(k->servers[i]);
	free(k->servers);
	free(k->anchor);
}
