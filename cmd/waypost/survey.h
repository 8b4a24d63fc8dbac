/* SPDX-License-Identifier: ISC */
/*
 * One look at everything: queue, journal, boards of the daemons, what lies
 * in the directories of the spool.  Reads files only; asks no daemon and
 * changes nothing.
 */
#ifndef WAYPOST_SURVEY_H
#define WAYPOST_SURVEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/hash.h"
#include "conf/conf.h"
#include "queue/board.h"

#define SURVEY_AGES 7   /* ranges of age; the last has no end */
#define SURVEY_FAULTS 8 /* different last answers that are shown */

/* Upper ends of the ranges, seconds; and their names ("1 h"). */
extern const unsigned survey_ages[SURVEY_AGES - 1];
extern const char *const survey_age_names[SURVEY_AGES];

struct survey_destination {
	struct hash_link link;
	char *key; /* route_key() */
	uint64_t messages, recipients;
	int64_t oldest_ms; /* wall clock of the oldest message's arrival */
	int64_t next_ms;   /* wall clock of the next try; 0: at once */
};

struct survey_fault {
	char text[256];
	unsigned code;
	uint64_t recipients;
	int64_t at_ms; /* wall clock, the last time */
};

struct survey_files {
	uint64_t files, octets;
	int64_t oldest_ms; /* wall clock; 0: none */
};

struct survey {
	const struct conf *conf;
	int64_t at_ms; /* wall clock of the look */

	/* 1: runs; 0: does not; -1: never did, or cannot be seen */
	int carrier_runs, listener_runs;
	struct board carrier, listener;

	uint64_t messages, recipients, octets, broken;
	uint64_t held;     /* recipients */
	int64_t oldest_ms; /* arrival; 0: the queue is empty */
	uint64_t ages[SURVEY_AGES];
	struct survey_destination **destinations; /* most messages first */
	size_t ndestinations, cap;
	struct hash index;
	struct survey_fault faults[SURVEY_FAULTS]; /* latest first */
	size_t nfaults;

	struct survey_files drop, badmail, corrupt, pickup;
	uint64_t free_octets, all_octets; /* of the spool's file system */
};

/* c is to outlive it.  0; -1 with errno: the queue cannot be read. */
int survey_take(struct survey *s, const struct conf *c) MUST_CHECK;
void survey_free(struct survey *s);

/* Seconds since the oldest message came; 0: the queue is empty. */
int64_t survey_oldest(const struct survey *s);

/* "4 h 12 min", "3 d 2 h", "12 s" */
#define SURVEY_SPAN 32
void survey_span(int64_t seconds, char out[SURVEY_SPAN]);

/* --- the forms it is shown in --- */

/* All of it as one JSON object with an LF behind. */
void survey_json(const struct survey *s, struct buf *out);

/* In Prometheus' text format. */
void survey_metrics(const struct survey *s, struct buf *out);

#endif
