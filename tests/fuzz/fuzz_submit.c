/* SPDX-License-Identifier: ISC */
/*
 * Any octets as a message.  The first is the flags, the second the size of
 * the pieces, the rest is the input.  What is accepted must read back from
 * the queue, in wire form, without a hidden field; what is refused leaves
 * nothing.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "mail/header.h"
#include "submit/submit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(x)                                           \
	do {                                                 \
		if (!(x)) {                                  \
			fprintf(stderr, "not so: %s\n", #x); \
			abort();                             \
		}                                            \
	} while (0)

static char spool[64];

static void
remove_spool(void)
{
	static const char *const folders[] = {
	    "/queue/tmp", "/queue/new", "/queue", ""};
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		char path[128];
		(void)snprintf(path, sizeof(path), "%s%s", spool, folders[i]);
		(void)rmdir(path);
	}
}

static void
make_spool(struct store *s)
{
	static const char *const folders[] = {
	    "/queue", "/queue/tmp", "/queue/new"};
	bool shm = access("/dev/shm", W_OK) == 0;
	(void)snprintf(spool, sizeof(spool), "%s/waypost-fuzz-XXXXXX",
	    shm ? "/dev/shm" : "/tmp");
	REQUIRE(mkdtemp(spool) != NULL);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		char path[128];
		(void)snprintf(path, sizeof(path), "%s%s", spool, folders[i]);
		REQUIRE(mkdir(path, 0700) == 0);
	}
	REQUIRE(store_open(s, spool) == 0);
	(void)atexit(remove_spool);
}

static void
check_text(const char *p, size_t len, unsigned flags)
{
	struct field f;
	size_t at = 0;
	REQUIRE(len > 2 && memcmp(p + len - 2, "\r\n", 2) == 0);
	for (size_t i = 0; i < len; i++) {
		REQUIRE(p[i] != '\0');
		REQUIRE(p[i] != '\r' || p[i + 1] == '\n');
		REQUIRE(p[i] != '\n' || p[i - 1] == '\r');
	}
	REQUIRE(strncmp(p, "Received:", 9) == 0);
	while (field_next(p + at, len - at, &f) == 1) {
		REQUIRE(!field_is(&f, "Bcc") && !field_is(&f, "Resent-Bcc"));
		REQUIRE(
		    !(flags & SUBMIT_XLINES) ||
		    (!field_is(&f, "X-Sender") && !field_is(&f, "X-Receiver")));
		at += f.len;
	}
	REQUIRE(len - at >= 2 && memcmp(p + at, "\r\n", 2) == 0);
}

static void
check_queued(struct store *s, const char *id, unsigned flags)
{
	struct batch b;
	struct batch_entry e;
	struct envelope env;
	const char *why;
	uint64_t at = 0;
	REQUIRE(batch_open(&b, s->new_fd, id, &why) == 0);
	REQUIRE(batch_next(&b, &at, &e, &why) == 1);
	REQUIRE(batch_envelope(&b, &e, &env, &why) == 0);
	REQUIRE(batch_verify(&b, &e, &why) == 0);
	char *text = alloc_zero(e.data_len + 1, 1);
	REQUIRE(batch_read(&b, &e, 0, text, e.data_len) == (ssize_t)e.data_len);
	check_text(text, e.data_len, flags);
	REQUIRE(env.nrcpts > 0);
	free(text);
	envelope_free(&env);
	REQUIRE(batch_next(&b, &at, &e, &why) == 0);
	batch_close(&b);
	REQUIRE(unlinkat(s->new_fd, id, 0) == 0);
}

static void
check_empty(const char *folder)
{
	char path[128];
	(void)snprintf(path, sizeof(path), "%s%s", spool, folder);
	DIR *dir = opendir(path);
	REQUIRE(dir != NULL);
	for (const struct dirent *e; (e = readdir(dir)) != NULL;)
		REQUIRE(e->d_name[0] == '.');
	(void)closedir(dir);
}

static int
feed(struct submit *s, const char *in, size_t len, size_t step,
    struct status *st)
{
	int result = 0;
	for (size_t at = 0; at < len && result == 0; at += step)
		result = submit_feed(
		    s, in + at, len - at < step ? len - at : step, st);
	return result < 0 ? -1 : 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct store store;
	struct conf conf = {.hostname = (char[]){"h.example.com"},
	    .origin = (char[]){"example.com"},
	    .max_hops = 30,
	    .limits.message_size = 1 << 20};
	struct address from = {.text = "me", .len = 2, .at = 2};
	struct status st = {0};
	char id[QUEUE_ID_MAX + 1];
	if (size < 2)
		return 0;
	if (spool[0] == '\0')
		make_spool(&store);
	log_level(LOG_ERR);
	unsigned flags = data[0] & 31;
	struct submit *s = submit_new(&(struct submit_options){.conf = &conf,
	    .store = &store,
	    .flags = flags,
	    .from = flags & SUBMIT_XLINES ? NULL : &from,
	    .source = "fuzz"});
	int result = 0;
	if (data[0] & 32)
		result = submit_rcpt(s, &from, &st);
	if (result == 0)
		result = feed(s, (const char *)data + 2, size - 2,
		    (size_t)data[1] + 1, &st);
	if (result == 0)
		result = submit_commit(s, id, &st);
	submit_free(s);
	if (result == 0)
		check_queued(&store, id, flags);
	else
		REQUIRE(st.enhanced[0] != '\0' && st.text[0] != '\0');
	check_empty("/queue/new");
	check_empty("/queue/tmp");
	return 0;
}
