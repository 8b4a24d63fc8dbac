/* SPDX-License-Identifier: ISC */
/*
 * The dialogue of a set-up, kept only where a message is watched: libcurl's
 * commands and the server's replies, line by line.
 *
 * Invariant: no octet of a secret, nor of what it is answered with, is in
 * it.  Who watches may be any user of this host, and the server may repeat
 * what it was sent: of commands only those are shown that hold no secret,
 * and behind AUTH only the codes of replies.
 */
#include "deliver/hop_said.h"

#include <string.h>
#include <strings.h>

static void
add(struct hop *h, char direction, const char *text, size_t len)
{
	if (buf_addf(&h->said, "%c %.*s\n", direction, (int)len, text) != 0)
		return; /* enough was kept */
}

static bool
starts(const char *p, size_t len, const char *word)
{
	size_t n = strlen(word);
	return len >= n && strncasecmp(p, word, n) == 0;
}

static int
on_debug(CURL *easy, curl_infotype type, char *data, size_t len, void *arg)
{
	struct hop *h = arg;
	(void)easy;
	if (type != CURLINFO_HEADER_OUT)
		return 0;
	while (len > 0 && (data[len - 1] == '\r' || data[len - 1] == '\n'))
		len--;
	if (starts(data, len, "AUTH ")) {
		const char *blank = memchr(data + 5, ' ', len - 5);
		h->hushed = true;
		add(h, '>', data, blank != NULL ? (size_t)(blank - data) : len);
	} else if (!h->hushed &&
		   (starts(data, len, "EHLO ") || starts(data, len, "HELO ") ||
		       starts(data, len, "STARTTLS"))) {
		add(h, '>', data, len);
	} else {
		add(h, '>', "****", 4);
	}
	return 0;
}

int
said_prepare(struct hop *h)
{
	return curl_easy_setopt(h->easy, CURLOPT_VERBOSE, 1L) == CURLE_OK &&
		       curl_easy_setopt(h->easy, CURLOPT_DEBUGFUNCTION,
			   on_debug) == CURLE_OK &&
		       curl_easy_setopt(h->easy, CURLOPT_DEBUGDATA, h) ==
			   CURLE_OK
		   ? 0
		   : -1;
}

void
said_heard(struct hop *h, const char *line, size_t len)
{
	if (h->said.max > 0)
		add(h, '<', line, h->hushed && len > 3 ? 3 : len);
}

const char *
hop_said(const struct hop *h)
{
	return buf_str(&h->said);
}
