/* SPDX-License-Identifier: ISC */
/*
 * Targets of aliases, one at a time.  Knows no files and no names; the
 * addresses themselves are judged by src/mail.
 *
 * Invariant: whatever another sendmail would run, open or read is refused
 * here before anything parses it as an address.
 */
#include "submit/target.h"

#include <string.h>
#include <strings.h>

#include "mail/header.h"

static const char include[] = ":include:";

/* The place of the comma that ends the target at p, or len. */
static size_t
target_end(const char *p, size_t len)
{
	bool quoted = false, angle = false;
	unsigned depth = 0;
	size_t i = 0;
	for (; i < len; i++) {
		if (p[i] == '\\')
			i++;
		else if (p[i] == '"' && depth == 0)
			quoted = !quoted;
		else if (quoted)
			continue;
		else if (p[i] == '(')
			depth++;
		else if (p[i] == ')' && depth > 0)
			depth--;
		else if (depth > 0)
			continue;
		else if (p[i] == '<' || p[i] == '>')
			angle = p[i] == '<';
		else if (p[i] == ',' && !angle)
			break;
	}
	return i < len ? i : len;
}

bool
target_next(const char *p, size_t len, size_t *at, const char **item, size_t *n)
{
	while (*at < len) {
		size_t start = *at;
		size_t end = start + target_end(p + start, len - start);
		*at = end + 1;
		while (start < end && p[start] == ' ')
			start++;
		while (end > start && p[end - 1] == ' ')
			end--;
		*item = p + start;
		*n = end - start;
		if (*n > 0)
			return true;
	}
	return false;
}

const char *
target_special(const char *p, size_t len)
{
	if (len > 0 && p[0] == '"') {
		p++;
		len--;
	}
	if (len > 0 && p[0] == '|')
		return "programs are not run: a pipe is no recipient";
	if (len > 0 && p[0] == '/')
		return "files are not written: a path is no recipient";
	if (len >= sizeof(include) - 1 &&
	    strncasecmp(p, include, sizeof(include) - 1) == 0)
		return ":include: is not read; list the addresses here";
	return NULL;
}

int
target_parse(const char *p, size_t len, struct address_list *out, bool *stop,
    const char **why)
{
	size_t before = out->n;
	*stop = len > 0 && p[0] == '\\';
	if (*stop) {
		p++;
		len--;
	}
	*why = target_special(p, len);
	if (*why != NULL)
		return -1;
	if (header_mailboxes(p, len, ADDRESS_BARE | ADDRESS_UTF8, out, why) !=
	    0)
		return -1;
	if (out->n == before) {
		*why = "there is no address in this target";
		return -1;
	}
	return 0;
}

const char *
target_check(const char *p, size_t len)
{
	struct address_list list = {0};
	const char *why = NULL;
	bool stop;
	int result = target_parse(p, len, &list, &stop, &why);
	address_list_free(&list);
	return result == 0 ? NULL : why;
}
