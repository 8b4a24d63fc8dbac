/* SPDX-License-Identifier: ISC */
/*
 * One line of the journal to a record and back.  Knows nothing of files.
 *
 * A line is taken only if its checksum is right and each field is one that
 * journal_format() could have written, so that a journal from elsewhere
 * brings nothing into memory that the rest of the house would not expect
 * (I15, N12).  Hand-made, for it reads a whole journal at start.
 */
#include "queue/journal.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "queue/layout.h"

#define CRC_LEN 9 /* eight hex digits and a blank */

static const char *
default_enhanced(enum verdict v)
{
	return v == DONE ? "2.0.0" : v == NEVER ? "5.0.0" : "4.0.0";
}

static int64_t
not_negative(int64_t n)
{
	return n < 0 ? 0 : n;
}

static void
clean(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] < 0x20 || text[i] >= 0x7f)
			text[i] = '?';
}

/* One word, never empty. */
static void
word_of(char out[REMOTE_TEXT_MAX + 1], const char *text)
{
	(void)snprintf(out, REMOTE_TEXT_MAX + 1, "%.*s", REMOTE_TEXT_MAX,
	    text[0] != '\0' ? text : "-");
	for (char *p = out; *p != '\0'; p++)
		if (*p == ' ')
			*p = '?';
}

void
journal_format(struct buf *out, const struct record *r)
{
	char line[JOURNAL_LINE_MAX], id[QUEUE_ID_MAX + 1], crc[CRC_LEN + 1];
	const struct status *st = &r->status;
	const char *enhanced = st->enhanced;
	if (!enhanced_valid(enhanced, strlen(enhanced)))
		enhanced = default_enhanced(st->verdict);
	char remote[REMOTE_TEXT_MAX + 1];
	word_of(remote, r->remote);
	message_id_make(id, r->batch, r->seq);
	int n = snprintf(line, sizeof(line),
	    "%c %" PRId64 " %s %" PRIu32 " %s %d %s %" PRIu32 " %" PRId64
	    " %s %.*s",
	    r->held ? 'H' : 'R', not_negative(r->at_ms), id, r->rcpt,
	    verdict_name(st->verdict),
	    st->code < 0 || st->code > 999 ? 0 : st->code, enhanced,
	    r->attempts, not_negative(r->next_ms), remote, STATUS_TEXT_MAX,
	    st->text);
	clean(line, (size_t)n);
	(void)snprintf(
	    crc, sizeof(crc), "%08" PRIx32 " ", io_crc32c(0, line, (size_t)n));
	(void)buf_add(out, crc, CRC_LEN);
	line[n] = '\n';
	(void)buf_add(out, line, (size_t)n + 1);
}

struct reader {
	const char *p, *end;
};

/* The word up to the next blank, which is dropped. */
static bool
word(struct reader *r, const char **s, size_t *len)
{
	const char *blank = memchr(r->p, ' ', (size_t)(r->end - r->p));
	if (blank == NULL)
		return false;
	*s = r->p;
	*len = (size_t)(blank - r->p);
	r->p = blank + 1;
	return true;
}

static bool
number(struct reader *r, uint64_t max, uint64_t *out)
{
	const char *p = r->p;
	uint64_t value = 0;
	while (p < r->end && *p >= '0' && *p <= '9' && p - r->p < 19)
		value = value * 10 + (uint64_t)(*p++ - '0');
	if (p == r->p || (*r->p == '0' && p - r->p > 1) || p == r->end ||
	    *p != ' ' || value > max)
		return false;
	r->p = p + 1;
	*out = value;
	return true;
}

static bool
read_verdict(struct reader *r, struct record *rec)
{
	char name[8];
	const char *s;
	size_t len;
	uint64_t code;
	if (!word(r, &s, &len) || len >= sizeof(name))
		return false;
	memcpy(name, s, len);
	name[len] = '\0';
	if (verdict_parse(name, &rec->status.verdict) != 0 ||
	    !number(r, 999, &code))
		return false;
	rec->status.code = (int)code;
	if (!word(r, &s, &len) || len > ENHANCED_MAX || !enhanced_valid(s, len))
		return false;
	memcpy(rec->status.enhanced, s, len);
	rec->status.enhanced[len] = '\0';
	return true;
}

static bool
read_text(struct reader *r, struct record *rec)
{
	size_t len = (size_t)(r->end - r->p);
	if (len > STATUS_TEXT_MAX)
		return false;
	for (const char *p = r->p; p < r->end; p++)
		if (*p < 0x20 || *p >= 0x7f)
			return false;
	memcpy(rec->status.text, r->p, len);
	rec->status.text[len] = '\0';
	return true;
}

static bool
read_remote(struct reader *r, struct record *rec)
{
	const char *s;
	size_t len;
	if (!word(r, &s, &len) || len == 0 || len > REMOTE_TEXT_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (s[i] < 0x20 || s[i] >= 0x7f)
			return false;
	if (len == 1 && *s == '-')
		len = 0;
	memcpy(rec->remote, s, len);
	rec->remote[len] = '\0';
	return true;
}

static bool
read_fields(struct reader *r, struct record *rec)
{
	const char *s;
	size_t len;
	uint64_t at, rcpt, attempts, next;
	if (!word(r, &s, &len) || len != 1 || (*s != 'R' && *s != 'H'))
		return false;
	rec->held = *s == 'H';
	if (!number(r, INT64_MAX, &at) || !word(r, &s, &len) ||
	    message_id_parse(s, len, rec->batch, &rec->seq) != 0 ||
	    !number(r, UINT32_MAX, &rcpt) || rcpt == 0 ||
	    !read_verdict(r, rec) || !number(r, UINT32_MAX, &attempts) ||
	    !number(r, INT64_MAX, &next) || !read_remote(r, rec) ||
	    (rec->held && rec->status.verdict != LATER))
		return false;
	rec->at_ms = (int64_t)at;
	rec->rcpt = (uint32_t)rcpt;
	rec->attempts = (uint32_t)attempts;
	rec->next_ms = (int64_t)next;
	return read_text(r, rec);
}

int
journal_parse(const char *line, size_t len, struct record *r)
{
	const char *p = line;
	uint32_t crc;
	if (len <= CRC_LEN || len >= JOURNAL_LINE_MAX ||
	    !layout_hex(&p, &crc) || *p != ' ' ||
	    crc != io_crc32c(0, line + CRC_LEN, len - CRC_LEN))
		return -1;
	struct reader in = {.p = line + CRC_LEN, .end = line + len};
	return read_fields(&in, r) ? 0 : -1;
}
