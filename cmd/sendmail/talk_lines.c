/* SPDX-License-Identifier: ISC */
/*
 * The lines of the dialogue.  Pure.  Addresses, ENVID and ORCPT were judged
 * when they came in, and hold nothing that could end a line or a path.
 */
#include <string.h>
#include <strings.h>

#include "talk.h"

static bool
same_word(const char *s, size_t len, const char *word)
{
	return len == strlen(word) && strncasecmp(s, word, len) == 0;
}

/* The lines of the reply, joined by blanks; the first word is a name. */
void
talk_offer(struct talk_offer *o, const char *ehlo_text)
{
	const char *p = ehlo_text + strcspn(ehlo_text, " ");
	*o = (struct talk_offer){0};
	while (*p != '\0') {
		p += strspn(p, " ");
		size_t len = strcspn(p, " ");
		o->eight_bit |= same_word(p, len, "8BITMIME");
		o->utf8 |= same_word(p, len, "SMTPUTF8");
		o->dsn |= same_word(p, len, "DSN");
		o->size |= same_word(p, len, "SIZE");
		p += len;
	}
}

void
talk_mail_line(struct buf *out, const struct envelope *e,
    const struct talk_offer *o, uint64_t size)
{
	(void)buf_addf(out, "MAIL FROM:<%s>", e->from.text);
	if (o->size)
		(void)buf_addf(out, " SIZE=%llu", (unsigned long long)size);
	if (o->eight_bit && (e->eight_bit || e->utf8))
		(void)buf_adds(out, " BODY=8BITMIME");
	if (o->utf8 && e->utf8)
		(void)buf_adds(out, " SMTPUTF8");
	if (o->dsn && e->ret != RET_NONE)
		(void)buf_addf(
		    out, " RET=%s", e->ret == RET_FULL ? "FULL" : "HDRS");
	if (o->dsn && e->envid != NULL)
		(void)buf_addf(out, " ENVID=%s", e->envid);
	(void)buf_adds(out, "\r\n");
}

void
talk_rcpt_line(
    struct buf *out, const struct rcpt *r, const struct talk_offer *o)
{
	static const struct {
		unsigned bit;
		const char *name;
	} events[] = {
	    {NOTIFY_NEVER, "NEVER"},
	    {NOTIFY_SUCCESS, "SUCCESS"},
	    {NOTIFY_FAILURE, "FAILURE"},
	    {NOTIFY_DELAY, "DELAY"},
	};
	const char *before = " NOTIFY=";
	(void)buf_addf(out, "RCPT TO:<%s>", r->addr.text);
	for (size_t i = 0; o->dsn && i < sizeof(events) / sizeof(events[0]);
	     i++) {
		if (!(r->notify & events[i].bit))
			continue;
		(void)buf_addf(out, "%s%s", before, events[i].name);
		before = ",";
	}
	if (o->dsn && r->orcpt != NULL)
		(void)buf_addf(out, " ORCPT=%s", r->orcpt);
	(void)buf_adds(out, "\r\n");
}
