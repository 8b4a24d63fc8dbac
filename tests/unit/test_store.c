/* SPDX-License-Identifier: ISC */
/*
 * queue/store.h: the directories, the lock, names, and a batch on its way
 * from a draft to its end, with the faults that can be had without a shim.
 */
#include "queue/store.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "spool.h"

static mode_t
mode_of(int dirfd, const char *name)
{
	struct stat st;
	assert_int_equal(fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_mode & 07777;
}

static void
assert_queue(const struct store *s, int in_tmp, int in_new)
{
	assert_int_equal(directory_count(s->tmp_fd), in_tmp);
	assert_int_equal(directory_count(s->new_fd), in_new);
}

static void
test_B14_directories(void **state)
{
	struct spool sp;
	struct store door;
	(void)state;
	spool_directory(sp.path);
	assert_int_equal(store_open(&door, sp.path), -1);
	assert_int_equal(errno, ENOENT);
	mode_t old = umask(0777);
	assert_int_equal(store_open_carrier(&sp.s, sp.path), 0);
	umask(old);
	int spool = open(sp.path, O_RDONLY | O_DIRECTORY);
	assert_int_equal(mode_of(spool, "queue"), 0750);
	assert_int_equal(mode_of(spool, "queue/tmp"), 03770);
	assert_int_equal(mode_of(spool, "queue/new"), 03770);
	assert_int_equal(mode_of(spool, "queue/lock"), 0640);
	assert_int_equal(mode_of(spool, "state"), 0700);
	assert_int_equal(mode_of(spool, "corrupt"), 0700);
	(void)close(spool);
	assert_int_equal(store_open(&door, sp.path), 0);
	store_close(&door);
	spool_close(&sp);
}

static void
test_I19_wrong_directories(void **state)
{
	struct spool sp;
	char name[300];
	(void)state;
	spool_open(&sp);
	store_close(&sp.s);
	(void)snprintf(name, sizeof(name), "%s/queue/new", sp.path);
	assert_int_equal(chmod(name, 0777), 0);
	assert_int_equal(store_open_carrier(&sp.s, sp.path), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(rmdir(name), 0);
	assert_int_equal(symlink("/tmp", name), 0);
	assert_int_equal(store_open_carrier(&sp.s, sp.path), -1);
	assert_int_equal(store_open(&sp.s, sp.path), -1);
	spool_remove(sp.path);
	assert_int_equal(store_open_carrier(&sp.s, sp.path), -1);
	assert_int_equal(errno, ENOENT);
}

static void
test_J26_one_carrier(void **state)
{
	struct spool sp;
	struct store second, door;
	(void)state;
	spool_open(&sp);
	assert_int_equal(store_open(&door, sp.path), 0);
	assert_true(store_served(&door));
	assert_true(store_served(&sp.s));
	assert_int_equal(store_open_carrier(&second, sp.path), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	store_close(&sp.s);
	assert_false(store_served(&door));
	assert_int_equal(store_open_carrier(&second, sp.path), 0);
	assert_true(store_served(&door));
	store_close(&door);
	assert_int_equal(unlinkat(second.queue_fd, "lock", 0), 0);
	assert_false(store_served(&second));
	sp.s = second;
	spool_close(&sp);
}

static void
test_H18_ids(void **state)
{
	char last[BATCH_ID_LEN + 1] = "", id[BATCH_ID_LEN + 1];
	(void)state;
	for (int i = 0; i < 10000; i++) {
		store_make_id(id);
		assert_int_equal(strlen(id), BATCH_ID_LEN);
		assert_true(batch_id_valid(id, BATCH_ID_LEN));
		assert_int_not_equal(strcmp(id, last), 0);
		assert_true(memcmp(id, last, 9) >= 0); /* the time */
		memcpy(last, id, sizeof(last));
	}
	assert_false(batch_id_valid(id, BATCH_ID_LEN - 1));
	id[3] = '/';
	assert_false(batch_id_valid(id, BATCH_ID_LEN));
	id[3] = '\0';
	assert_false(batch_id_valid(id, BATCH_ID_LEN));
	id[3] = 'A';
	assert_false(batch_id_valid(id, BATCH_ID_LEN));
}

static void
test_message_ids(void **state)
{
	static const struct {
		const char *s;
		uint32_t seq; /* 0: refused */
	} t[] = {{"0123456789abcdefghj", 1}, {"0123456789abcdefghj.2", 2},
	    {"0123456789abcdefghj.4096", 4096}, {"0123456789abcdefghj.1", 0},
	    {"0123456789abcdefghj.4097", 0}, {"0123456789abcdefghj.02", 0},
	    {"0123456789abcdefghj.", 0}, {"0123456789abcdefghj.2x", 0},
	    {"0123456789abcdefghj.99999", 0}, {"0123456789abcdefghj2", 0},
	    {"0123456789abcdefgh", 0}, {"", 0}, {"../../../etc/passwd", 0},
	    {"0123456789abcdefghj.-2", 0}};
	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char batch[BATCH_ID_LEN + 1], out[QUEUE_ID_MAX + 1];
		uint32_t seq = 0;
		int result =
		    message_id_parse(t[i].s, strlen(t[i].s), batch, &seq);
		if (result != (t[i].seq == 0 ? -1 : 0) || seq != t[i].seq)
			fail_msg("%s", t[i].s);
		if (result == 0) {
			message_id_make(out, batch, seq);
			assert_string_equal(out, t[i].s);
		}
	}
}

static void
test_B14_accepted(void **state)
{
	static const mode_t masks[] = {0777, 022, 0};
	struct spool sp;
	struct draft d;
	(void)state;
	spool_open(&sp);
	for (int i = 0; i < 3; i++) {
		mode_t old = umask(masks[i]);
		assert_int_equal(draft_create(&sp.s, &d, NULL), 0);
		umask(old);
		assert_int_equal(mode_of(sp.s.tmp_fd, d.id), 0640);
		assert_int_equal(letter_write(&d.writer, 3, 1000), 0);
		assert_queue(&sp.s, 1, i);
		assert_int_equal(draft_commit(&d), 0);
		assert_queue(&sp.s, 0, i + 1);
		assert_int_equal(mode_of(sp.s.new_fd, d.id), 0640);
		assert_int_equal(batch_whole(sp.s.new_fd, d.id), 3);
	}
	assert_int_equal(store_remove(&sp.s, d.id), 0);
	assert_int_equal(store_remove(&sp.s, d.id), 0);
	assert_int_equal(store_sync(&sp.s), 0);
	assert_queue(&sp.s, 0, 2);
	spool_close(&sp);
}

static void
test_discarded(void **state)
{
	struct spool sp;
	struct draft d;
	(void)state;
	spool_open(&sp);
	assert_int_equal(draft_create(&sp.s, &d, NULL), 0);
	assert_int_equal(letter_write(&d.writer, 1, 100000), 0);
	draft_discard(&d);
	assert_queue(&sp.s, 0, 0);
	/* A message that was begun and not ended is not committed. */
	assert_int_equal(draft_create(&sp.s, &d, NULL), 0);
	assert_int_equal(draft_commit(&d), -1);
	assert_queue(&sp.s, 0, 0);
	spool_close(&sp);
}

static void
test_I20_given_id(void **state)
{
	static const char id[] = "0123456789abcdefghj";
	struct spool sp;
	struct draft d, other;
	size_t len;
	(void)state;
	spool_open(&sp);
	assert_int_equal(draft_create(&sp.s, &d, "../x"), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(draft_create(&sp.s, &d, id), 0);
	assert_int_equal(draft_create(&sp.s, &other, id), -1);
	assert_int_equal(errno, EBUSY); /* not there yet: keep the source */
	assert_int_equal(letter_write(&d.writer, 1, 10), 0);
	assert_int_equal(draft_commit(&d), 0);
	assert_int_equal(draft_create(&sp.s, &other, id), -1);
	assert_int_equal(errno, EEXIST);
	assert_queue(&sp.s, 0, 1);
	assert_int_equal(store_remove(&sp.s, id), 0);

	/* A dead writer left a part: begin again at once. */
	letter_leave(&sp.s, id, 1, 500);
	char *data = file_read(sp.s.tmp_fd, id, &len);
	file_write(sp.s.tmp_fd, id, data, len - 1);
	assert_int_equal(draft_create(&sp.s, &d, id), 0);
	assert_int_equal(letter_write(&d.writer, 2, 10), 0);
	assert_int_equal(draft_commit(&d), 0);
	assert_int_equal(batch_whole(sp.s.new_fd, id), 2);
	assert_int_equal(store_remove(&sp.s, id), 0);

	/* It left the whole: that is the message. */
	file_write(sp.s.tmp_fd, id, data, len);
	assert_int_equal(draft_create(&sp.s, &d, id), -1);
	assert_int_equal(errno, EEXIST);
	assert_queue(&sp.s, 0, 1);
	assert_int_equal(batch_whole(sp.s.new_fd, id), 1);
	free(data);
	spool_close(&sp);
}

static void
test_I20_never_over_another(void **state)
{
	struct spool sp;
	struct draft d;
	size_t len;
	(void)state;
	spool_open(&sp);
	assert_int_equal(draft_create(&sp.s, &d, NULL), 0);
	assert_int_equal(letter_write(&d.writer, 1, 10), 0);
	file_write(sp.s.new_fd, d.id, "another", 7);
	assert_int_equal(draft_commit(&d), -1);
	assert_int_equal(errno, EEXIST);
	assert_queue(&sp.s, 0, 1);
	char *data = file_read(sp.s.new_fd, d.id, &len);
	assert_int_equal(len, 7);
	free(data);
	spool_close(&sp);
}

/* Recovery made our rename. */
static void
test_promoted_meanwhile(void **state)
{
	struct spool sp;
	struct draft d;
	(void)state;
	spool_open(&sp);
	assert_int_equal(draft_create(&sp.s, &d, NULL), 0);
	assert_int_equal(letter_write(&d.writer, 1, 10), 0);
	assert_int_equal(renameat(sp.s.tmp_fd, d.id, sp.s.new_fd, d.id), 0);
	assert_int_equal(draft_commit(&d), 0);
	assert_queue(&sp.s, 0, 1);
	assert_int_equal(batch_whole(sp.s.new_fd, d.id), 1);
	spool_close(&sp);
}

static void
test_B16_cleaned_meanwhile(void **state)
{
	struct spool sp;
	struct draft d;
	(void)state;
	spool_open(&sp);
	assert_int_equal(draft_create(&sp.s, &d, NULL), 0);
	assert_int_equal(letter_write(&d.writer, 1, 10), 0);
	assert_int_equal(unlinkat(sp.s.tmp_fd, d.id, 0), 0);
	assert_int_equal(draft_commit(&d), -1);
	assert_int_equal(errno, ENOENT);
	assert_queue(&sp.s, 0, 0);
	spool_close(&sp);
}

/* Put another descriptor in the place of one. */
static void
replace_fd(int fd, int with)
{
	assert_true(with >= 0);
	assert_int_equal(dup3(with, fd, O_CLOEXEC), fd);
	(void)close(with);
}

static void
test_I06_fsync_of_the_file_fails(void **state)
{
	struct spool sp;
	struct draft d;
	int ends[2];
	(void)state;
	spool_open(&sp);
	assert_int_equal(draft_create(&sp.s, &d, NULL), 0);
	assert_int_equal(letter_write(&d.writer, 1, 10), 0);
	assert_int_equal(pipe(ends), 0);
	replace_fd(d.fd, ends[1]); /* takes the write, cannot be synced */
	assert_int_equal(draft_commit(&d), -1);
	assert_int_equal(errno, EINVAL);
	assert_queue(&sp.s, 0, 0);
	(void)close(ends[0]);
	spool_close(&sp);
}

static void
test_I10_fsync_of_the_directory_fails(void **state)
{
	struct spool sp;
	struct draft d;
	(void)state;
	spool_open(&sp);
	assert_int_equal(draft_create(&sp.s, &d, NULL), 0);
	assert_int_equal(letter_write(&d.writer, 1, 10), 0);
	/* Good for a rename, not for a sync. */
	replace_fd(
	    sp.s.new_fd, openat(sp.s.queue_fd, "new", O_PATH | O_DIRECTORY));
	assert_int_equal(draft_commit(&d), -1);
	assert_int_equal(errno, EBADF);
	assert_queue(&sp.s, 0, 0);
	spool_close(&sp);
}

static void
test_I01_write_fails(void **state)
{
	struct spool sp;
	struct draft d;
	(void)state;
	spool_open(&sp);
	assert_int_equal(draft_create(&sp.s, &d, NULL), 0);
	assert_int_equal(letter_write(&d.writer, 1, 10), 0);
	replace_fd(d.fd, open("/dev/full", O_WRONLY));
	assert_int_equal(draft_commit(&d), -1);
	assert_int_equal(errno, ENOSPC);
	assert_queue(&sp.s, 0, 0);
	spool_close(&sp);
}

static void
test_B09_file_size_limit(void **state)
{
	struct spool sp;
	struct draft d;
	struct rlimit old, tight;
	(void)state;
	spool_open(&sp);
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	tight = (struct rlimit){.rlim_cur = 1000, .rlim_max = old.rlim_max};
	assert_int_equal(draft_create(&sp.s, &d, NULL), 0);
	assert_int_equal(letter_write(&d.writer, 1, 5000), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	int result = draft_commit(&d);
	int saved = errno;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(result, -1);
	assert_int_equal(saved, EFBIG);
	assert_queue(&sp.s, 0, 0);
	spool_close(&sp);
}

/* Fill a small file system until it refuses; what was accepted stays. */
static void
fill_up(struct spool *sp, size_t size)
{
	int accepted = 0;
	for (int i = 0; i < 100; i++) {
		struct draft d;
		if (draft_create(&sp->s, &d, NULL) != 0)
			break;
		if (letter_write(&d.writer, 1, size) != 0)
			draft_discard(&d);
		else if (draft_commit(&d) == 0)
			accepted++;
		else
			assert_int_equal(errno, ENOSPC);
	}
	assert_true(accepted > 0 && accepted < 100);
	assert_queue(&sp->s, 0, accepted);
}

static void
test_I01_I02_I04_small_file_systems(void **state)
{
	static const char *const options[] = {
	    "size=128k", "size=1m,nr_inodes=14"};
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct spool sp;
		struct draft d;
		spool_directory(sp.path);
		if (mount("t", sp.path, "tmpfs", 0, options[i]) != 0) {
			spool_remove(sp.path);
			skip();
		}
		assert_int_equal(store_open_carrier(&sp.s, sp.path), 0);
		fill_up(&sp, i == 0 ? 9000 : 100);
		int before = directory_count(sp.s.new_fd);
		store_close(&sp.s); /* the lock is open for writing */
		assert_int_equal(store_open(&sp.s, sp.path), 0);
		assert_int_equal(
		    mount("t", sp.path, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL),
		    0);
		assert_int_equal(draft_create(&sp.s, &d, NULL), -1);
		assert_int_equal(errno, EROFS);
		assert_queue(&sp.s, 0, before);
		store_close(&sp.s);
		assert_int_equal(umount(sp.path), 0);
		spool_remove(sp.path);
	}
}

static void
test_B17_emergency(void **state)
{
	struct spool sp;
	struct draft first, second;
	(void)state;
	draft_emergency_unlink(); /* nothing open: nothing happens */
	spool_open(&sp);
	assert_int_equal(draft_create(&sp.s, &first, NULL), 0);
	assert_int_equal(draft_create(&sp.s, &second, NULL), 0);
	draft_emergency_unlink();
	assert_queue(&sp.s, 1, 0); /* it knows one, and only its own */
	assert_true(file_exists(sp.s.tmp_fd, second.id));
	draft_discard(&first);
	assert_int_equal(letter_write(&second.writer, 1, 10), 0);
	draft_emergency_unlink();
	assert_int_equal(draft_commit(&second), 0);
	draft_emergency_unlink();
	assert_queue(&sp.s, 0, 1);
	assert_int_equal(draft_create(&sp.s, &first, "0123456789abcdefghj"), 0);
	draft_emergency_unlink();
	assert_queue(&sp.s, 0, 1);
	draft_discard(&first);
	spool_close(&sp);
}

static void
test_quarantine(void **state)
{
	struct spool sp;
	char id[BATCH_ID_LEN + 1];
	(void)state;
	spool_open(&sp);
	letter_queue(&sp.s, 1, 10, id);
	assert_int_equal(store_quarantine(&sp.s, id, "for a test"), 0);
	assert_queue(&sp.s, 0, 0);
	assert_int_equal(batch_whole(sp.s.corrupt_fd, id), 1);
	file_write(sp.s.new_fd, id, "x", 1); /* the same name once more */
	assert_int_equal(store_quarantine(&sp.s, id, "for a test"), 0);
	assert_queue(&sp.s, 0, 0);
	assert_int_equal(directory_count(sp.s.corrupt_fd), 2);
	assert_int_equal(batch_whole(sp.s.corrupt_fd, id), 1);
	assert_int_equal(store_quarantine(&sp.s, id, "for a test"), -1);
	assert_int_equal(errno, ENOENT);
	spool_close(&sp);
}

/* --- rewriting --- */

/* Of message 1 nobody, of message 2 the second, of message 3 both. */
static bool
keep_some(void *arg, uint32_t seq, uint32_t rcpt)
{
	(void)arg;
	return seq == 3 || (seq == 2 && rcpt == 2);
}

static bool
keep_none(void *arg, uint32_t seq, uint32_t rcpt)
{
	(void)arg;
	(void)seq;
	(void)rcpt;
	return false;
}

static void
test_J20_rewrite(void **state)
{
	static const size_t sizes[] = {500, 70000};
	struct spool sp;
	char id[BATCH_ID_LEN + 1];
	(void)state;
	spool_open(&sp);
	for (int i = 0; i < 2; i++) {
		struct batch b;
		struct batch_entry e;
		struct envelope env;
		const char *why;
		uint64_t at = 0;
		letter_queue(&sp.s, 3, sizes[i], id);
		/* One that a killed run left is no hindrance. */
		char copy[BATCH_ID_LEN + 2];
		(void)snprintf(copy, sizeof(copy), "%s~", id);
		file_write(sp.s.tmp_fd, copy, "torn", 4);
		assert_int_equal(store_rewrite(&sp.s, id, keep_some, NULL), 0);
		assert_queue(&sp.s, 0, i + 1);
		assert_int_equal(mode_of(sp.s.new_fd, id), 0640);
		assert_int_equal(batch_open(&b, sp.s.new_fd, id, &why), 0);
		assert_int_equal(b.count, 2);
		assert_int_equal(batch_next(&b, &at, &e, &why), 1);
		assert_int_equal(batch_envelope(&b, &e, &env, &why), 0);
		assert_int_equal(env.seq, 2);
		assert_int_equal(env.nrcpts, 1);
		assert_int_equal(env.rcpts[0].number, 2);
		assert_string_equal(
		    env.rcpts[0].addr.text, "rcpt2@example.net");
		envelope_free(&env);
		char *body = letter_body(sizes[i], 2);
		char *data = malloc(sizes[i]);
		assert_int_equal(
		    batch_read(&b, &e, 0, data, sizes[i]), sizes[i]);
		assert_memory_equal(data, body, sizes[i]);
		free(data);
		free(body);
		assert_int_equal(batch_next(&b, &at, &e, &why), 1);
		assert_int_equal(batch_envelope(&b, &e, &env, &why), 0);
		assert_int_equal(env.seq, 3);
		assert_int_equal(env.nrcpts, 2);
		envelope_free(&env);
		batch_close(&b);
		assert_int_equal(batch_whole(sp.s.new_fd, id), 2);
	}
	assert_int_equal(store_rewrite(&sp.s, id, keep_none, NULL), -1);
	assert_int_equal(errno, ENODATA);
	assert_queue(&sp.s, 0, 2);
	assert_int_equal(batch_whole(sp.s.new_fd, id), 2);
	spool_close(&sp);
}

static void
test_rewrite_seals_no_damage(void **state)
{
	struct spool sp;
	char id[BATCH_ID_LEN + 1];
	size_t len;
	(void)state;
	spool_open(&sp);
	letter_queue(&sp.s, 3, 70000, id);
	char *data = file_read(sp.s.new_fd, id, &len);
	data[len - 100] ^= 1;
	file_write(sp.s.new_fd, id, data, len);
	assert_int_equal(store_rewrite(&sp.s, id, keep_some, NULL), -1);
	assert_int_equal(errno, EBADMSG);
	assert_queue(&sp.s, 0, 1);
	size_t after;
	char *same = file_read(sp.s.new_fd, id, &after);
	assert_int_equal(after, len);
	assert_memory_equal(same, data, len);
	free(same);
	free(data);
	assert_int_equal(
	    store_rewrite(&sp.s, "0123456789abcdefghj", keep_some, NULL), -1);
	assert_int_equal(errno, ENOENT);
	spool_close(&sp);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_B14_directories),
	    cmocka_unit_test(test_I19_wrong_directories),
	    cmocka_unit_test(test_J26_one_carrier),
	    cmocka_unit_test(test_H18_ids),
	    cmocka_unit_test(test_message_ids),
	    cmocka_unit_test(test_B14_accepted),
	    cmocka_unit_test(test_discarded),
	    cmocka_unit_test(test_I20_given_id),
	    cmocka_unit_test(test_I20_never_over_another),
	    cmocka_unit_test(test_promoted_meanwhile),
	    cmocka_unit_test(test_B16_cleaned_meanwhile),
	    cmocka_unit_test(test_I06_fsync_of_the_file_fails),
	    cmocka_unit_test(test_I10_fsync_of_the_directory_fails),
	    cmocka_unit_test(test_I01_write_fails),
	    cmocka_unit_test(test_B09_file_size_limit),
	    cmocka_unit_test(test_I01_I02_I04_small_file_systems),
	    cmocka_unit_test(test_B17_emergency),
	    cmocka_unit_test(test_quarantine),
	    cmocka_unit_test(test_J20_rewrite),
	    cmocka_unit_test(test_rewrite_seals_no_damage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
