/* SPDX-License-Identifier: ISC */
/*
 * Asking for a password, and what is kept of it.  A signal in the middle
 * finds the terminal's echo restored: signals are blocked while it is off,
 * and let through only after it is on again.
 *
 * Invariant: the password is in one buffer of ours, which is wiped; it is
 * printed nowhere.
 */
#include "password.h"

#include <errno.h>
#include <fcntl.h>
#include <gsasl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <termios.h>
#include <unistd.h>

#include "base/io.h"

/* The longest one, the end of its line, and one octet too many. */
#define ROOM (PASSWORD_MAX + 3)

static int
tell(int code, const char *what)
{
	(void)fprintf(stderr, "waypost: %s\n", what);
	return code;
}

/* Signals that end or stop us at a prompt. */
static void
prompt_signals(sigset_t *set)
{
	static const int numbers[] = {
	    SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
	(void)sigemptyset(set);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		(void)sigaddset(set, numbers[i]);
}

/* Wait for a line.  True when there is one, false for a signal. */
static bool
line_comes(int tty, int signals)
{
	struct pollfd fds[] = {
	    {.fd = tty, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
	while (poll(fds, 2, -1) < 0)
		if (errno != EINTR)
			return true; /* reading will tell */
	return fds[1].revents == 0;
}

/* One line without echo.  1: *n is its length, or -1.  0: a signal came
 * instead, and is still to be let through. */
static int
ask_quietly(
    int tty, int signals, const char *prompt, char out[ROOM], ssize_t *n)
{
	struct termios before, quiet;
	*n = -1;
	if (tcgetattr(tty, &before) != 0)
		return 1;
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	quiet.c_lflag |= ICANON | ISIG;
	bool there = true;
	if (tcsetattr(tty, TCSAFLUSH, &quiet) == 0 &&
	    io_write(tty, prompt, strlen(prompt)) == 0) {
		there = line_comes(tty, signals);
		if (there)
			*n = io_read(tty, out, ROOM);
	}
	(void)tcsetattr(tty, TCSAFLUSH, &before);
	return io_write(tty, "\n", 1) != 0 || there;
}

static ssize_t
ask(int tty, const char *prompt, char out[ROOM])
{
	sigset_t set, old;
	ssize_t n = -1;
	int got = 0;
	prompt_signals(&set);
	int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	while (signals >= 0 && got == 0) {
		(void)sigprocmask(SIG_BLOCK, &set, &old);
		got = ask_quietly(tty, signals, prompt, out, &n);
		/* What came meanwhile comes now: we end here, or go on when
		 * we are in the foreground again. */
		(void)sigprocmask(SIG_SETMASK, &old, NULL);
	}
	if (signals >= 0)
		(void)close(signals);
	return n;
}

/* The line's text: NUL behind.  0, or an exit code. */
static int
finish_line(char line[ROOM], ssize_t n)
{
	if (n < 0)
		return tell(EX_IOERR, "cannot read the password");
	size_t len = (size_t)n;
	char *lf = memchr(line, '\n', len);
	len = lf != NULL ? (size_t)(lf - line) : len;
	if (len > 0 && line[len - 1] == '\r')
		len--;
	if (len > PASSWORD_MAX)
		return tell(EX_DATAERR, "the password is too long");
	if (len == 0)
		return tell(EX_DATAERR, "the password is empty");
	if (memchr(line, '\0', len) != NULL)
		return tell(EX_DATAERR, "a NUL in the password");
	explicit_bzero(line + len, ROOM - len);
	return 0;
}

static int
from_terminal(const char *name, char line[ROOM])
{
	char prompt[USER_NAME_MAX + 32], again[ROOM];
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (tty < 0)
		return tell(EX_IOERR, "no terminal to ask on");
	(void)snprintf(prompt, sizeof(prompt), "Password for %s: ", name);
	int code = finish_line(line, ask(tty, prompt, line));
	if (code == 0)
		code = finish_line(again, ask(tty, "Again: ", again));
	if (code == 0 && strcmp(line, again) != 0)
		code = tell(EX_DATAERR, "the two passwords differ");
	explicit_bzero(again, sizeof(again));
	(void)close(tty);
	return code;
}

static int
from_pipe(char line[ROOM])
{
	ssize_t n = 0, one = 1;
	while (one > 0 && n < ROOM) {
		one = io_read(STDIN_FILENO, line + n, (size_t)(ROOM - n));
		n += one > 0 ? one : 0;
		if (memchr(line, '\n', (size_t)n) != NULL)
			break;
	}
	return finish_line(line, one < 0 ? -1 : n);
}

/* SASLprep and PBKDF2 as libgsasl's SCRAM clients do them. */
static int
make_keys(struct verifier *v, const char *password)
{
	char salted[SCRAM_KEY_LEN], client[SCRAM_KEY_LEN];
	v->iterations = SCRAM_ITERATIONS;
	v->salt_len = SCRAM_SALT_LEN;
	if (getrandom(v->salt, v->salt_len, 0) != (ssize_t)v->salt_len)
		return tell(EX_OSERR, "no random octets");
	int rc = gsasl_scram_secrets_from_password(GSASL_HASH_SHA256, password,
	    v->iterations, (const char *)v->salt, v->salt_len, salted, client,
	    (char *)v->server_key, (char *)v->stored_key);
	explicit_bzero(salted, sizeof(salted));
	explicit_bzero(client, sizeof(client));
	if (rc == GSASL_SASLPREP_ERROR)
		return tell(EX_DATAERR,
		    "the password is no UTF-8, or has characters that "
		    "SASLprep (RFC 4013) does not allow");
	return rc == GSASL_OK ? 0 : tell(EX_SOFTWARE, gsasl_strerror(rc));
}

int
password_read(struct verifier *v)
{
	char line[ROOM] = {0};
	int code = isatty(STDIN_FILENO) ? from_terminal(v->name, line)
					: from_pipe(line);
	if (code == 0)
		code = make_keys(v, line);
	explicit_bzero(line, sizeof(line));
	return code;
}
