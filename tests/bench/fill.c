/* SPDX-License-Identifier: ISC */
/*
 * Fill a queue quickly: N messages of SIZE octets, a batch each, written as
 * a door writes them but made durable together.  Only for a queue that
 * nobody serves; recipients are user1@DOMAIN, user2@DOMAIN, ...
 *
 *   fill SPOOL N SIZE DOMAIN
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mail/address.h"
#include "queue/store.h"

static void
parse(struct address *a, const char *text)
{
	const char *why;

	if (address_parse(a, text, strlen(text), 0, &why) != 0)
		errx(1, "%s: %s", text, why);
}

static void
fill_one(struct batch_writer *w, const char *rcpt, size_t size)
{
	char head[256], line[80];
	struct envelope env;
	struct address to;
	int len;

	envelope_init(&env);
	env.source = strdup("fill");
	parse(&env.from, "sender@example.com");
	parse(&to, rcpt);
	if (envelope_add(&env, &to, 0, NULL) != 0 || batch_begin(w, &env) != 0)
		err(1, "begin");
	len = snprintf(head, sizeof(head),
	    "From: sender@example.com\r\nTo: %s\r\nSubject: fill\r\n\r\n",
	    rcpt);
	memset(line, 'x', sizeof(line) - 2);
	memcpy(line + sizeof(line) - 2, "\r\n", 2);
	if (batch_data(w, head, (size_t)len) != 0)
		err(1, "data");
	for (size_t n = (size_t)len; n + sizeof(line) <= size;
	     n += sizeof(line))
		if (batch_data(w, line, sizeof(line)) != 0)
			err(1, "data");
	if (batch_end(w) != 0)
		err(1, "end");
	envelope_free(&env);
}

int
main(int argc, char **argv)
{
	char id[BATCH_ID_LEN + 1], rcpt[256];
	struct batch_writer w;
	struct store s;
	long count;

	if (argc != 5)
		return 64;
	if (store_open(&s, argv[1]) != 0)
		err(1, "%s", argv[1]);
	count = strtol(argv[2], NULL, 10);
	for (long i = 1; i <= count; i++) {
		int fd;

		store_make_id(id);
		fd = openat(s.new_fd, id,
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
		if (fd < 0)
			err(1, "%s", id);
		snprintf(rcpt, sizeof(rcpt), "user%ld@%s", i, argv[4]);
		batch_start(&w, fd);
		fill_one(&w, rcpt, (size_t)strtol(argv[3], NULL, 10));
		if (batch_finish(&w) != 0)
			err(1, "finish");
		batch_writer_free(&w);
		close(fd);
	}
	if (syncfs(s.new_fd) != 0)
		err(1, "sync");
	store_close(&s);
	return 0;
}
