/* SPDX-License-Identifier: ISC */
/*
 * A command line from anyone.  What is taken must lie in the line, be
 * written there as it was taken, hold no control octet, and be read the same
 * when it is written anew; what is refused must be refused in words.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "smtpd/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
refused(const struct status *st)
{
	if (st->verdict != NEVER || st->text[0] == '\0' ||
	    (st->code != 501 && st->code != 553 && st->code != 555))
		abort();
	if (st->enhanced[0] != '5')
		abort();
}

/* One line of printable octets, but for what SMTPUTF8 allows. */
static void
printable(const char *s, bool utf8)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;
		if (c < ' ' || c == 0x7f || (c > 0x7f && !utf8))
			abort();
	}
}

/* Was "<address>" written in the argument? */
static void
written(const char *arg, size_t len, const struct address *a)
{
	char path[ADDRESS_MAX + 3];
	int n = snprintf(path, sizeof(path), "<%s>", a->text);
	if ((size_t)n != (size_t)a->len + 2 ||
	    memmem(arg, len, path, (size_t)n) == NULL)
		abort();
}

static void
try_mail(const char *arg, size_t len)
{
	struct session_mail m, again;
	struct status st;
	char line[2000];
	if (command_mail(arg, len, &m, &st) != 0) {
		refused(&st);
		return;
	}
	printable(m.from.text, m.utf8);
	printable(m.envid, false);
	written(arg, len, &m.from);
	int n = snprintf(line, sizeof(line),
	    "FROM:<%s> SIZE=%llu BODY=%s%s%s%s%s%s", m.from.text,
	    (unsigned long long)m.size, m.eight_bit ? "8BITMIME" : "7BIT",
	    m.utf8 ? " SMTPUTF8" : "", m.envid[0] ? " ENVID=" : "", m.envid,
	    m.ret == RET_NONE ? "" : " RET=",
	    m.ret == RET_NONE   ? ""
	    : m.ret == RET_FULL ? "FULL"
				: "HDRS");
	if (command_mail(line, (size_t)n, &again, &st) != 0)
		abort();
	if (strcmp(again.from.text, m.from.text) != 0 || again.size != m.size ||
	    again.eight_bit != m.eight_bit || again.utf8 != m.utf8 ||
	    again.ret != m.ret || strcmp(again.envid, m.envid) != 0)
		abort();
}

static void
try_rcpt(const char *arg, size_t len, bool utf8)
{
	static const char *const words[] = {"SUCCESS", "FAILURE", "DELAY"};
	struct session_rcpt r, again;
	struct status st;
	char line[2000], notify[64] = "";
	if (command_rcpt(arg, len, utf8, &r, &st) != 0) {
		refused(&st);
		return;
	}
	if (address_is_null(&r.addr) || r.notify > 15 ||
	    ((r.notify & NOTIFY_NEVER) && r.notify != NOTIFY_NEVER))
		abort();
	printable(r.addr.text, utf8);
	printable(r.orcpt, false);
	written(arg, len, &r.addr);
	for (unsigned i = 0; i < 3; i++)
		if (r.notify & (NOTIFY_SUCCESS << i)) {
			size_t n = strlen(notify);
			(void)snprintf(notify + n, sizeof(notify) - n, "%s%s",
			    n ? "," : "", words[i]);
		}
	if (r.notify & NOTIFY_NEVER)
		(void)snprintf(notify, sizeof(notify), "NEVER");
	int n = snprintf(line, sizeof(line), "TO:<%s>%s%s%s%s", r.addr.text,
	    notify[0] ? " NOTIFY=" : "", notify, r.orcpt[0] ? " ORCPT=" : "",
	    r.orcpt);
	if (command_rcpt(line, (size_t)n, utf8, &again, &st) != 0)
		abort();
	if (!address_equal(&again.addr, &r.addr) || again.notify != r.notify ||
	    strcmp(again.orcpt, r.orcpt) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *line = (const char *)data, *arg;
	size_t len;
	enum verb v = command_verb(line, size, &arg, &len);
	if (arg < line || len > size || (size_t)(arg - line) > size - len)
		abort();
	if (len > 0 && (arg[len - 1] == ' ' || arg[len - 1] == '\t'))
		abort();
	if (v == VERB_MAIL && strncasecmp(line, "MAIL", 4) != 0)
		abort();
	(void)command_foreign(line, size);
	if (command_helo_valid(arg, len))
		for (size_t i = 0; i < len; i++)
			if (arg[i] <= ' ' || arg[i] > '~')
				abort();
	try_mail(arg, len);
	try_rcpt(arg, len, false);
	try_rcpt(arg, len, true);
	return 0;
}
