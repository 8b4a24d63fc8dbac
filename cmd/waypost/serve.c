/* SPDX-License-Identifier: ISC */
/*
 * waypost serve: the same figures by HTTP, for this host only: Prometheus'
 * text, JSON, a page, and a health answer for probes.  Read-only; libevent's
 * evhttp speaks HTTP.  The daemons know nothing of it.
 *
 * Invariant: it is bound to loopback or to a unix socket, runs as the owner
 * of the spool without capabilities, and looks at the queue at most once a
 * second however often it is asked.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/identity.h"
#include "base/log.h"
#include "net/ip.h"
#include "page.h"
#include "subcommand.h"

#define SAMPLE_SECONDS 10
#define LOOK_MS 1000
#define HEADERS_MAX 8192
#define TEXT_MAX (16 * 1024 * 1024)

static const char usage_text[] =
    "usage: waypost [-C file] serve [--listen where]\n"
    "Serves / (a page), /metrics, /status.json and /health by HTTP, to this\n"
    "host only.\n"
    "  --listen WHERE     127.0.0.1:9025 if it is not given; [::1]:PORT, or\n"
    "                     a unix socket\n";

struct serve {
	const char *conf_path;
	struct event_base *base;
	struct evhttp *http;
	struct conf *conf;
	struct survey survey; /* the last look */
	bool looked;          /* it could be taken */
	int64_t looked_at;    /* monotonic ms */
	struct sample samples[SAMPLES];
	size_t nsamples;
};

/* The last look, or a new one; false: the queue cannot be read. */
static bool
look(struct serve *x)
{
	int64_t now = clock_mono_ms();
	if (x->looked_at != 0 && now - x->looked_at < LOOK_MS)
		return x->looked;
	struct faults f;
	faults_init(&f);
	struct conf *c = conf_load(x->conf_path, CONF_TABLE, &f);
	faults_free(&f);
	survey_free(&x->survey);
	if (c != NULL) { /* a broken file keeps the old one */
		conf_unref(x->conf);
		x->conf = c;
	}
	x->looked = survey_take(&x->survey, x->conf) == 0;
	x->looked_at = now;
	return x->looked;
}

static void
on_sample(evutil_socket_t fd, short what, void *arg)
{
	struct serve *x = arg;
	struct board b = {0};
	struct sample one = {.at_ms = clock_wall_ms()};
	(void)fd;
	(void)what;
	if (board_look(x->conf->spool, BOARD_CARRIER, &b) >= 0)
		one.delivered = b.counts[COUNT_DELIVERED];
	if (board_look(x->conf->spool, BOARD_LISTENER, &b) >= 0)
		one.received = b.counts[COUNT_RECEIVED];
	if (x->nsamples == SAMPLES)
		memmove(x->samples, x->samples + 1,
		    --x->nsamples * sizeof(x->samples[0]));
	x->samples[x->nsamples++] = one;
}

static void
reply(struct evhttp_request *r, int code, const char *reason, const char *type,
    const struct buf *text)
{
	struct evkeyvalq *h = evhttp_request_get_output_headers(r);
	struct evbuffer *body = evbuffer_new();
	if (body == NULL || evbuffer_add(body, buf_str(text), text->len) != 0)
		die("out of memory");
	(void)evhttp_add_header(h, "Content-Type", type);
	(void)evhttp_add_header(h, "Cache-Control", "no-store");
	(void)evhttp_add_header(h, "X-Content-Type-Options", "nosniff");
	(void)evhttp_add_header(h, "Content-Security-Policy",
	    "default-src 'none'; style-src 'unsafe-inline'; "
	    "frame-ancestors 'none'");
	evhttp_send_reply(r, code, reason, body);
	evbuffer_free(body);
}

static void
on_health(struct serve *x, struct buf *text)
{
	(void)buf_adds(text,
	    x->survey.carrier_runs == 1 ? "well\n" : "waypostd does not run\n");
}

static void
on_page(struct serve *x, struct buf *text)
{
	page_write(text, &x->survey, x->samples, x->nsamples);
}

static void
on_metrics(struct serve *x, struct buf *text)
{
	survey_metrics(&x->survey, text);
}

static void
on_json(struct serve *x, struct buf *text)
{
	survey_json(&x->survey, text);
}

static const struct place {
	const char *path, *type;
	void (*write)(struct serve *x, struct buf *text);
} places[] = {
    {"/", "text/html; charset=utf-8", on_page},
    {"/metrics", "text/plain; version=0.0.4; charset=utf-8", on_metrics},
    {"/status.json", "application/json", on_json},
    {"/health", "text/plain", on_health},
};

static void
on_request(struct evhttp_request *r, void *arg)
{
	struct serve *x = arg;
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(r);
	const char *path = uri != NULL ? evhttp_uri_get_path(uri) : NULL;
	const struct place *p = NULL;
	struct buf text;
	buf_init(&text, TEXT_MAX);
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (path != NULL && strcmp(path, places[i].path) == 0)
			p = &places[i];
	if (p == NULL) {
		(void)buf_adds(&text, "there is /, /metrics, /status.json and "
				      "/health\n");
		reply(r, 404, "Not Found", "text/plain", &text);
	} else if (!look(x)) {
		(void)buf_addf(
		    &text, "the queue %s cannot be read\n", x->conf->spool);
		reply(r, 503, "Service Unavailable", "text/plain", &text);
	} else {
		bool ill = p->write == on_health && x->survey.carrier_runs != 1;
		p->write(x, &text);
		if (buf_ok(&text))
			reply(r, ill ? 503 : 200,
			    ill ? "Service Unavailable" : "OK", p->type, &text);
		else
			evhttp_send_error(r, 500, NULL);
	}
	buf_free(&text);
}

/* --- where --- */

/* A socket by a path; what a dead server left there goes.  -1, told. */
static int
bind_path(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct stat st;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (strlen(path) >= sizeof(un.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(un.sun_path, path, strlen(path));
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		(void)unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&un, sizeof(un)) != 0 ||
	    chmod(path, 0660) != 0 || listen(fd, 16) != 0)
		return -1;
	return fd;
}

static int
bind_socket(struct evhttp *http, const char *where)
{
	struct sockaddr_storage ss;
	int len = sizeof(ss);
	struct ip ip;
	unsigned port;
	char host[IP_TEXT_MAX];
	if (*where == '/') {
		int fd = bind_path(where);
		return fd >= 0 ? evhttp_accept_socket(http, fd) : -1;
	}
	errno = EINVAL;
	if (evutil_parse_sockaddr_port(where, (struct sockaddr *)&ss, &len) !=
	    0)
		return -1;
	ip_from_sockaddr(&ss, &ip, &port);
	ip_format(&ip, host);
	if (strncmp(host, "127.", 4) != 0 && strcmp(host, "::1") != 0) {
		errno = EACCES;
		return -1;
	}
	return evhttp_bind_socket(http, host, (ev_uint16_t)port);
}

static void
on_stop(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)event_base_loopbreak(arg);
}

static int
serve(struct serve *x, const char *where)
{
	struct timeval tv = {.tv_sec = SAMPLE_SECONDS};
	struct event *sample = event_new(x->base, -1, EV_PERSIST, on_sample, x);
	struct event *term = evsignal_new(x->base, SIGTERM, on_stop, x->base);
	struct event *stop = evsignal_new(x->base, SIGINT, on_stop, x->base);
	if (sample == NULL || term == NULL || stop == NULL)
		die("out of memory");
	(void)event_add(sample, &tv);
	(void)event_add(term, NULL);
	(void)event_add(stop, NULL);
	on_sample(-1, 0, x);
	log_event(LOG_NOTICE, "listening", LOG_STR("address", where));
	(void)event_base_dispatch(x->base);
	event_free(sample);
	event_free(term);
	event_free(stop);
	if (*where == '/')
		(void)unlink(where);
	return EX_OK;
}

static int
run(struct serve *x, const char *where)
{
	x->base = event_base_new();
	x->http = x->base != NULL ? evhttp_new(x->base) : NULL;
	if (x->http == NULL)
		die("out of memory");
	evhttp_set_allowed_methods(x->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_max_headers_size(x->http, HEADERS_MAX);
	evhttp_set_max_body_size(x->http, 0);
	evhttp_set_timeout(x->http, 30);
	evhttp_set_gencb(x->http, on_request, x);
	int code = EX_UNAVAILABLE;
	if (bind_socket(x->http, where) != 0)
		(void)fprintf(stderr, "waypost: %s: %s\n", where,
		    errno == EACCES && *where != '/'
			? "only loopback addresses are served"
			: strerror(errno));
	/* The socket may have needed root; nothing else does. */
	else if (identity_become_owner(x->conf->spool, false) != 0)
		code = EX_NOPERM;
	else
		code = serve(x, where);
	evhttp_free(x->http);
	event_base_free(x->base);
	return code;
}

int
serve_run(const struct invocation *v)
{
	static const struct option options[] = {
	    {"listen", required_argument, NULL, 'l'},
	    {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	static struct serve x; /* large */
	const char *where = "127.0.0.1:9025";
	int opt;
	optind = 0; /* begin anew, behind the subcommand */
	while ((opt = getopt_long(v->argc, v->argv, "", options, NULL)) != -1) {
		if (opt == 'h')
			return fputs(usage_text, stdout) < 0 ? EX_IOERR : EX_OK;
		if (opt != 'l') {
			(void)fputs(usage_text, stderr);
			return EX_USAGE;
		}
		where = optarg;
	}
	if (optind != v->argc) {
		(void)fputs(usage_text, stderr);
		return EX_USAGE;
	}
	x.conf_path = v->conf_path;
	x.conf = subcommand_conf(v, CONF_TABLE);
	if (x.conf == NULL)
		return EX_CONFIG;
	identity_prepare_process();
	int code = run(&x, where);
	survey_free(&x.survey);
	conf_unref(x.conf);
	return code;
}
