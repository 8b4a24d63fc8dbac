/* SPDX-License-Identifier: ISC */
/*
 * waypost status, metrics: what survey.c found, for a person, for a
 * monitor's check and for programs.  Words and options only.
 */
#include "status.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "survey.h"
#include "terminal.h"

/* Of monitoring plugins. */
enum { CHECK_OK, CHECK_WARNING, CHECK_CRITICAL, CHECK_UNKNOWN };

static const char metrics_text[] =
    "usage: waypost [-C file] metrics\n"
    "Prints what status tells in Prometheus' text format.\n";

static const char usage_text[] =
    "usage: waypost [-C file] status [--json | --watch[=seconds]]\n"
    "       waypost [-C file] status --check [--warning-age=time]\n"
    "           [--critical-age=time] [--warning-size=n] "
    "[--critical-size=n]\n"
    "  --json             one JSON object\n"
    "  --watch[=SECONDS]  again and again, with rates (2)\n"
    "  --check            one line for a monitor; exit code 0 well, 1 "
    "warning,\n"
    "                     2 critical, 3 unknown\n"
    "  --warning-age, --critical-age    of the oldest message (1h, 4h)\n"
    "  --warning-size, --critical-size  messages queued (1000, 10000)\n";

struct request {
	bool json, check;
	long watch; /* seconds; 0: once */
	int64_t age[2];
	uint64_t size[2];
};

/* "WAYPOST WARNING - ... | oldest=..;..": the reasons, worst first. */
static int
judge(const struct survey *s, const struct request *r, struct buf *why)
{
	char span[SURVEY_SPAN];
	int64_t age = survey_oldest(s);
	int worst = CHECK_OK;
	survey_span(age, span);
	for (int i = 1; i >= 0; i--) {
		if (age * 1000 >= r->age[i] && worst <= i) {
			worst = i + 1;
			(void)buf_addf(why, ", the oldest waits %s", span);
		}
		if (s->messages >= r->size[i] && worst <= i + 1 &&
		    strstr(buf_str(why), "queued") == NULL) {
			worst = i + 1 > worst ? i + 1 : worst;
			(void)buf_addf(
			    why, ", %" PRIu64 " queued", s->messages);
		}
	}
	if (s->carrier_runs <= 0) {
		worst = CHECK_CRITICAL;
		(void)buf_adds(why, ", waypostd does not run");
	}
	if (s->listener_runs == 0 && s->conf->nlisteners > 0) {
		worst = CHECK_CRITICAL;
		(void)buf_adds(why, ", waypost-smtpd does not run");
	}
	if (s->corrupt.files > 0 || s->broken > 0) {
		worst = worst < CHECK_WARNING ? CHECK_WARNING : worst;
		(void)buf_addf(why, ", %" PRIu64 " damaged queue files",
		    s->corrupt.files + s->broken);
	}
	return worst;
}

static int
check(const struct survey *s, const struct request *r)
{
	static const char *const words[] = {"OK", "WARNING", "CRITICAL"};
	struct buf why;
	buf_init(&why, 4096);
	int worst = judge(s, r, &why);
	(void)printf("WAYPOST %s - %s | queued=%" PRIu64 ";%" PRIu64 ";%" PRIu64
		     " oldest=%llds;%lld;%lld\n",
	    words[worst], why.len > 0 ? buf_str(&why) + 2 : "the queue moves",
	    s->messages, r->size[0], r->size[1], (long long)survey_oldest(s),
	    (long long)(r->age[0] / 1000), (long long)(r->age[1] / 1000));
	buf_free(&why);
	return subcommand_flush() == EX_OK ? worst : CHECK_UNKNOWN;
}

static int
failed(const struct conf *c, const struct request *r)
{
	const char *why = errno == EACCES || errno == EPERM
			      ? "is for root and for the user that waypostd "
				"runs as"
			      : strerror(errno);
	bool denied = errno == EACCES || errno == EPERM;
	if (r->check)
		(void)printf(
		    "WAYPOST UNKNOWN - the queue %s %s\n", c->spool, why);
	else
		(void)fprintf(
		    stderr, "waypost: the queue %s %s\n", c->spool, why);
	return r->check ? CHECK_UNKNOWN : denied ? EX_NOPERM : EX_OSERR;
}

static int
put(struct buf *text)
{
	(void)fwrite(buf_str(text), 1, text->len, stdout);
	buf_free(text);
	return subcommand_flush();
}

/* Without standard output there is nobody to tell. */
static int
put_watched(struct buf *text)
{
	int result = terminal_draw(text);
	buf_free(text);
	return result == 0 ? EX_OK : EX_IOERR;
}

static int
show(const struct conf *c, const struct request *r, struct survey *before)
{
	static struct survey now; /* large */
	struct buf text;
	int code;
	if (survey_take(&now, c) != 0) {
		code = failed(c, r);
		survey_free(&now);
		return code;
	}
	buf_init(&text, CONF_FILE_MAX);
	if (r->check) {
		code = check(&now, r);
	} else if (r->json) {
		survey_json(&now, &text);
		code = put(&text);
	} else {
		screen_draw(&text, &now, before->conf != NULL ? before : NULL,
		    terminal_colours());
		code = r->watch > 0 ? put_watched(&text) : put(&text);
	}
	survey_free(before);
	*before = now;
	return code;
}

static int
watch(const struct conf *c, const struct request *r)
{
	static struct survey before;
	int code;
	if (r->watch > 0)
		terminal_begin();
	do
		code = show(c, r, &before);
	while (code == EX_OK && r->watch > 0 && terminal_pause(r->watch));
	if (r->watch > 0)
		terminal_end();
	survey_free(&before);
	return code;
}

static int
usage(const char *text)
{
	(void)fputs(text, stderr);
	return EX_USAGE;
}

/* The value of a threshold.  False: it is none. */
static bool
threshold(struct request *r, int opt, const char *value)
{
	int i = opt == 'A' || opt == 'S';
	uint64_t n;
	char *end;
	if (opt == 'a' || opt == 'A')
		return conf_duration(value, &r->age[i]) == 0;
	errno = 0;
	n = strtoull(value, &end, 10);
	r->size[i] = n;
	return errno == 0 && end != value && *end == '\0' && *value != '-';
}

/* 1 to 3600; 2 if nothing is said. */
static bool
seconds(const char *value, long *n)
{
	char *end;
	*n = value != NULL ? strtol(value, &end, 10) : 2;
	return *n >= 1 && *n <= 3600 && (value == NULL || *end == '\0');
}

static int
run(const struct invocation *v, const struct request *r)
{
	struct conf *c = subcommand_conf(v, CONF_TABLE);
	if (c == NULL)
		return r->check ? CHECK_UNKNOWN : EX_CONFIG;
	int code = watch(c, r);
	conf_unref(c);
	return code;
}

int
status_run(const struct invocation *v)
{
	static const struct option options[] = {
	    {"json", no_argument, NULL, 'j'},
	    {"watch", optional_argument, NULL, 'w'},
	    {"check", no_argument, NULL, 'c'},
	    {"warning-age", required_argument, NULL, 'a'},
	    {"critical-age", required_argument, NULL, 'A'},
	    {"warning-size", required_argument, NULL, 's'},
	    {"critical-size", required_argument, NULL, 'S'},
	    {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	struct request r = {
	    .age = {3600 * 1000, 4 * 3600 * 1000}, .size = {1000, 10000}};
	int opt;
	optind = 0; /* begin anew, behind the subcommand */
	while ((opt = getopt_long(v->argc, v->argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'j':
			r.json = true;
			break;
		case 'c':
			r.check = true;
			break;
		case 'w':
			if (!seconds(optarg, &r.watch))
				return usage(usage_text);
			break;
		case 'h':
			return fputs(usage_text, stdout) < 0 ? EX_IOERR : EX_OK;
		default:
			if (opt == '?' || !threshold(&r, opt, optarg))
				return usage(usage_text);
		}
	}
	if (optind != v->argc || r.json + r.check + (r.watch > 0) > 1)
		return usage(usage_text);
	return run(v, &r);
}

int
metrics_run(const struct invocation *v)
{
	static struct survey s;
	struct buf text;
	struct request r = {0};
	if (subcommand_help(v, metrics_text))
		return subcommand_flush();
	if (v->argc != 1)
		return usage(metrics_text);
	struct conf *c = subcommand_conf(v, CONF_TABLE);
	if (c == NULL)
		return EX_CONFIG;
	buf_init(&text, CONF_FILE_MAX);
	int code = 0;
	if (survey_take(&s, c) != 0) {
		code = failed(c, &r);
	} else {
		survey_metrics(&s, &text);
		code = put(&text);
	}
	survey_free(&s);
	conf_unref(c);
	return code;
}
