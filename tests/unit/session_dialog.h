/* SPDX-License-Identifier: ISC */
/* Runs the dialogs that session_owner.h describes. */
#ifndef TESTS_SESSION_DIALOG_H
#define TESTS_SESSION_DIALOG_H

#include "session_owner.h"

#define STAGES_MAX 8
#define CUTS_MAX 4000

/* A dialog's sending side, in stages that a handshake divides. */
struct script {
	const char *name, *text;
	struct buf stage[STAGES_MAX];
	size_t stages;
	bool eof;
	struct buf said, box; /* what must come */
};

enum { BY_STEPS = -2, BY_OCTETS = -1 }; /* or the place to cut at */

/* Append a line with its escapes resolved. */
static inline void
add_escaped(struct buf *b, const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] != '\\' || i + 1 == len) {
			(void)buf_addc(b, p[i]);
			continue;
		}
		i++;
		(void)buf_addc(b, p[i] == 'r'   ? '\r'
				  : p[i] == 'n' ? '\n'
				  : p[i] == '0' ? '\0'
						: p[i]);
	}
}

static inline void
owner_policy_word(struct owner *o, const char *word)
{
	unsigned n = 0;
	if (strcmp(word, "normalize") == 0)
		o->policy.normalize = true;
	else if (strcmp(word, "tls") == 0)
		o->policy.offer_starttls = true;
	else if (strcmp(word, "require-tls") == 0)
		o->policy.require_tls = true;
	else if (strcmp(word, "require-auth") == 0)
		o->policy.require_auth = true;
	else if (strcmp(word, "auth") == 0)
		o->policy.mechanisms = "SCRAM-SHA-256 PLAIN";
	else if (sscanf(word, "size=%u", &n) == 1)
		o->policy.message_size = n;
	else if (sscanf(word, "session=%u", &n) == 1)
		o->policy.session_size = n;
	else if (sscanf(word, "recipients=%u", &n) == 1)
		o->policy.recipients = n;
	else if (sscanf(word, "errors=%u", &n) == 1)
		o->policy.errors = n;
	else if (sscanf(word, "idle=%u", &n) == 1)
		o->policy.commands_without_mail = n;
	else
		fail_msg("no such policy: %s", word);
}

static inline void
owner_set_policy(struct owner *o, const char *text)
{
	char words[200], *rest = words, *word;
	if (strncmp(text, "P: ", 3) != 0)
		return;
	(void)snprintf(words, sizeof(words), "%.*s",
	    (int)strcspn(text + 3, "\n"), text + 3);
	while ((word = strsep(&rest, " ")) != NULL)
		owner_policy_word(o, word);
}

static inline void
script_line(struct script *d, char kind, const char *p, size_t len)
{
	struct buf *stage = &d->stage[d->stages - 1];
	switch (kind) {
	case 'C':
	case 'R':
		add_escaped(stage, p, len);
		if (kind == 'C')
			(void)buf_adds(stage, "\r\n");
		break;
	case 'T':
		assert_true(d->stages < STAGES_MAX);
		buf_init(&d->stage[d->stages++], 1 << 20);
		break;
	case 'E':
		d->eof = true;
		break;
	case 'S':
		(void)buf_add(&d->said, p, len);
		(void)buf_adds(&d->said, "\r\n");
		break;
	case 'M':
		(void)buf_add(&d->box, p, len);
		(void)buf_addc(&d->box, '\n');
		break;
	default:
		assert_int_equal(kind, 'P');
	}
}

/* One line of the dialog's text: its kind and argument; NULL at the end. */
static inline const char *
next_line(const char **text, size_t *len)
{
	const char *line = *text;
	if (*line == '\0')
		return NULL;
	*len = strcspn(line, "\n");
	*text = line + *len + (line[*len] == '\n');
	return line;
}

static inline void
script_read(struct script *d, const char *name, const char *text)
{
	const char *line;
	size_t len;
	*d = (struct script){.name = name, .text = text, .stages = 1};
	buf_init(&d->stage[0], 1 << 20);
	buf_init(&d->said, 1 << 20);
	buf_init(&d->box, 1 << 20);
	(void)buf_adds(&d->said, "220 mx.test ESMTP waypost\r\n");
	while ((line = next_line(&text, &len)) != NULL) {
		size_t skip = len > 2 ? 3 : 2;
		assert_true(len >= 2 && line[1] == ':');
		script_line(d, line[0], line + skip, len - skip);
	}
}

static inline void
script_free(struct script *d)
{
	for (size_t i = 0; i < d->stages; i++)
		buf_free(&d->stage[i]);
	buf_free(&d->said);
	buf_free(&d->box);
}

static inline void
secure(struct owner *o, const char *name)
{
	if (session_wants(o->s) != SESSION_TLS)
		fail_msg("%s: no handshake is wanted", name);
	session_secured(o->s);
}

static inline void
run_cut(struct owner *o, const struct script *d, ptrdiff_t cut)
{
	size_t at = 0;
	for (size_t i = 0; i < d->stages; i++) {
		const struct buf *b = &d->stage[i];
		size_t end = at + b->len, k = (size_t)cut;
		if (i > 0)
			secure(o, d->name);
		for (size_t j = 0; cut == BY_OCTETS && j < b->len; j++)
			owner_give(o, b->data + j, 1);
		if (cut >= 0 && k > at && k < end) {
			owner_give(o, b->data, k - at);
			owner_give(o, b->data + (k - at), end - k);
		} else if (cut >= 0) {
			owner_give(o, b->data, b->len);
		}
		at = end;
	}
}

/* Send a line, and see that just its replies come, as a client would. */
static inline void
run_steps(struct owner *o, const struct script *d)
{
	const char *text = d->text, *line;
	size_t len, expected = o->said.len;
	struct buf b;
	buf_init(&b, 1 << 20);
	while ((line = next_line(&text, &len)) != NULL) {
		size_t skip = len > 2 ? 3 : 2;
		if (line[0] == 'S')
			expected += len - skip + 2;
		if (line[0] == 'T')
			secure(o, d->name);
		if (line[0] == 'C' || line[0] == 'R') {
			if (o->said.len != expected)
				fail_msg("%s: replies before \"%.*s\":\n%s",
				    d->name, (int)len, line, buf_str(&o->said));
			buf_clear(&b);
			add_escaped(&b, line + skip, len - skip);
			if (line[0] == 'C')
				(void)buf_adds(&b, "\r\n");
			owner_give(o, b.data, b.len);
		}
	}
	buf_free(&b);
}

static inline void
run_one(const struct script *d, ptrdiff_t cut, bool later)
{
	struct owner o;
	owner_init(&o, later);
	owner_set_policy(&o, d->text);
	session_greet(o.s, false);
	owner_serve(&o);
	if (cut == BY_STEPS)
		run_steps(&o, d);
	else
		run_cut(&o, d, cut);
	if (d->eof) {
		session_eof(o.s);
		owner_serve(&o);
		assert_int_equal(session_wants(o.s), SESSION_CLOSE);
	}
	if (strcmp(buf_str(&o.said), buf_str(&d->said)) != 0)
		fail_msg("%s (cut %td, %s): said\n%s\nnot\n%s", d->name, cut,
		    later ? "later" : "at once", buf_str(&o.said),
		    buf_str(&d->said));
	if (strcmp(buf_str(&o.box), buf_str(&d->box)) != 0)
		fail_msg("%s (cut %td): took\n%s\nnot\n%s", d->name, cut,
		    buf_str(&o.box), buf_str(&d->box));
	owner_free(&o);
}

/* Run a dialog in all ways. */
static inline void
dialog(const char *name, const char *text)
{
	struct script d;
	size_t total = 0;
	script_read(&d, name, text);
	for (size_t i = 0; i < d.stages; i++)
		total += d.stage[i].len;
	/* Long ones: only the places near their ends. */
	size_t step = total > CUTS_MAX ? 499 : 1;
	for (int later = 0; later < 2; later++) {
		run_one(&d, BY_STEPS, later);
		run_one(&d, BY_OCTETS, later);
		for (size_t cut = 0; cut < total; cut += step)
			run_one(&d, (ptrdiff_t)cut, later);
	}
	script_free(&d);
}

struct dialog {
	const char *name, *text;
};

#define DIALOGS(list)                                                    \
	for (size_t i_ = 0; i_ < sizeof(list) / sizeof((list)[0]); i_++) \
	dialog((list)[i_].name, (list)[i_].text)

/* What EHLO says without TLS and AUTH, and a transaction up to 354. */
#define EHLO_SIZE(size)                                                       \
	"C: EHLO c.test\nS: 250-mx.test\nS: 250-SIZE " size                   \
	"\nS: 250-PIPELINING\nS: 250-8BITMIME\nS: 250-SMTPUTF8\nS: 250-DSN\n" \
	"S: 250 ENHANCEDSTATUSCODES\n"
#define EHLO EHLO_SIZE("0")
#define MAIL "C: MAIL FROM:<a@x.test>\nS: 250 2.1.0 Ok\n"
#define RCPT "C: RCPT TO:<b@here.test>\nS: 250 2.1.5 Ok\n"
#define DATA "C: DATA\nS: 354 End data with <CR><LF>.<CR><LF>\n"
#define LETTER MAIL RCPT DATA

#endif
