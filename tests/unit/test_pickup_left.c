/* SPDX-License-Identifier: ISC */
/*
 * deliver/pickup.h: what is left alone, for how long, and that others go on.
 */
#include "pickup_place.h"

#include <grp.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <linux/fs.h>

static void
test_L02_hard_link(void **state)
{
	(void)state;
	put("m", LETTER);
	assert_int_equal(linkat(dir_fd, "m", p.sp.s.queue_fd, "other", 0), 0);
	for (int i = 0; i < 3; i++)
		rescan();
	assert_state(0, 0);
	assert_true(file_exists(dir_fd, "m"));
	assert_int_equal(unlinkat(p.sp.s.queue_fd, "other", 0), 0);
	(void)utimensat(dir_fd, "m", NULL, 0);
	rescan();
	assert_state(1, 0);
}

static void
test_L03_never_blocks(void **state)
{
	(void)state;
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	char *path = place_path(&p, "pickup/socket");
	assert_int_equal(mkfifoat(dir_fd, "fifo", 0666), 0);
	assert_int_equal(mkdirat(dir_fd, "directory", 0755), 0);
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	if (geteuid() == 0)
		(void)mknodat(dir_fd, "device", S_IFCHR | 0666, 0x0101);
	put("good", LETTER);
	(void)alarm(20);
	for (int i = 0; i < 4; i++)
		rescan();
	(void)alarm(0);
	(void)close(fd);
	free(path);
	assert_state(1, 0);
	assert_true(file_exists(dir_fd, "fifo"));
	assert_true(file_exists(dir_fd, "socket"));
	assert_true(file_exists(dir_fd, "directory"));
}

/* Somebody has it open for writing, or locked: left until that ends.  The
 * lock is what is seen of other uids' files. */
static void
test_L05_in_use(void **state)
{
	(void)state;
	put("open", LETTER);
	put("locked", LETTER);
	put("record", LETTER);
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int open_fd = openat(dir_fd, "open", O_WRONLY | O_APPEND);
	int locked_fd = openat(dir_fd, "locked", O_RDONLY);
	int record_fd = openat(dir_fd, "record", O_RDWR);
	assert_int_equal(flock(locked_fd, LOCK_EX), 0);
	assert_int_equal(fcntl(record_fd, F_OFD_SETLK, &lock), 0);
	rescan();
	assert_state(0, 0);
	(void)close(open_fd); /* rings the bell */
	(void)run();
	assert_state(1, 0);
	(void)close(locked_fd);
	(void)close(record_fd);
	rescan();
	assert_state(3, 0);
}

/* Made, but not written yet; it is no bad file. */
static void
test_L05_unborn(void **state)
{
	(void)state;
	file_write(dir_fd, "m", "", 0);
	(void)run();
	rescan();
	assert_state(0, 0);
	assert_true(file_exists(dir_fd, "m"));
	file_write(dir_fd, "m", LETTER, strlen(LETTER));
	(void)run();
	assert_state(1, 0);
}

static void
test_L06_changed_while_read(void **state)
{
	(void)state;
	static const off_t sizes[] = {-1, 0, 60};
	for (int i = 0; i < 3; i++) {
		put("m", LETTER);
		plan.size = sizes[i];
		plan.looks = 2; /* before reading, after reading */
		(void)run();
		assert_int_equal(plan.looks, 0);
		assert_state(0, 0);
		file_write(
		    dir_fd, "m", LETTER "more\n", strlen(LETTER "more\n"));
		(void)run();
		char *text = message();
		assert_has(text, "\r\n\r\nbody\r\nmore\r\n");
		free(text);
		assert_int_equal(store_remove(&p.sp.s, p.id), 0);
	}
}

static void
test_L08_unreadable(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	/* A directory of another user, served without privilege. */
	pid_t pid = fork();
	if (pid == 0) {
		char *path = place_path(&p, "pickup");
		close_door();
		spool_remove(path);
		if (chmod(p.sp.path, 0777) != 0 || setgroups(0, NULL) != 0 ||
		    setresgid(12345, 12345, 12345) != 0 ||
		    setresuid(12345, 12345, 12345) != 0)
			_exit(2);
		open_door();
		int fd = open(path, O_RDONLY | O_DIRECTORY);
		file_write(fd, "m", LETTER, strlen(LETTER));
		if (fchmodat(fd, "m", 0, 0) != 0)
			_exit(4);
		for (int i = 0; i < 4; i++)
			rescan();
		_exit(file_exists(fd, "m") ? 0 : 3);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(queued(), 0);
	assert_int_equal(bad(), 0);
}

/* Told at the first pass, then after 1, 2, 4, ... more. */
static void
test_L08_told_once_per_back_off(void **state)
{
	(void)state;
	int lines = 0;
	FILE *log = tmpfile();
	int saved = dup(STDERR_FILENO);
	assert_int_equal(mkfifoat(dir_fd, "fifo", 0666), 0);
	log_level(LOG_INFO);
	(void)dup2(fileno(log), STDERR_FILENO);
	for (int i = 0; i < 15; i++)
		rescan();
	(void)dup2(saved, STDERR_FILENO);
	(void)close(saved);
	log_level(LOG_EMERG);
	char line[1024];
	rewind(log);
	while (fgets(line, sizeof(line), log) != NULL) {
		assert_has(line, "pickup-left file=fifo");
		lines++;
	}
	(void)fclose(log);
	assert_int_equal(lines, 4);
}

static void
test_L15_L17_others_go_on(void **state)
{
	(void)state;
	put("stuck", LETTER);
	put("good", LETTER);
	plan.stuck = "stuck";
	for (int i = 0; i < 3; i++)
		rescan();
	assert_state(1, 0);
	assert_true(file_exists(dir_fd, "stuck"));
	plan.stuck = NULL;
	for (int i = 0; i < 8; i++)
		rescan();
	assert_state(2, 0);
}

static void
test_L17_immutable(void **state)
{
	(void)state;
	int flags = FS_IMMUTABLE_FL, none = 0;
	put("m", LETTER);
	put("good", LETTER);
	int fd = openat(dir_fd, "m", O_RDONLY);
	if (geteuid() != 0 || ioctl(fd, FS_IOC_SETFLAGS, &flags) != 0) {
		(void)close(fd);
		skip();
	}
	rescan();
	int in_queue = queued();
	bool left = file_exists(dir_fd, "m");
	(void)ioctl(fd, FS_IOC_SETFLAGS, &none);
	(void)close(fd);
	assert_int_equal(in_queue, 1);
	assert_true(left);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_L02_hard_link),
	    TEST(test_L03_never_blocks),
	    TEST(test_L05_in_use),
	    TEST(test_L05_unborn),
	    TEST(test_L06_changed_while_read),
	    TEST(test_L08_unreadable),
	    TEST(test_L08_told_once_per_back_off),
	    TEST(test_L15_L17_others_go_on),
	    TEST(test_L17_immutable),
	};
	log_level(LOG_EMERG);
	return cmocka_run_group_tests_name("pickup_left", tests, NULL, NULL);
}
