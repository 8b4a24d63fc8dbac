/* SPDX-License-Identifier: ISC */
/*
 * The few control sequences that every terminal of today obeys; no library,
 * since nothing is asked from it but to begin at the top.  Not what is shown.
 *
 * Invariant: the signals that would end the program are blocked while the
 * cursor is hidden, so that it is always shown again.  Standard output is
 * written to in whole screens.
 */
#include "terminal.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* Cursor, wrapping of long lines: off and on. */
#define HIDE "\033[?25l\033[?7l\033[2J"
#define SHOW "\033[?7h\033[?25h"

static bool
capable(void)
{
	const char *term = getenv("TERM");
	return isatty(STDOUT_FILENO) == 1 &&
	       (term == NULL || strcmp(term, "dumb") != 0);
}

bool
terminal_colours(void)
{
	const char *no = getenv("NO_COLOR");
	return (no == NULL || *no == '\0') && capable();
}

static sigset_t
signals(void)
{
	sigset_t set;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGTSTP);
	(void)sigaddset(&set, SIGWINCH);
	return set;
}

void
terminal_begin(void)
{
	sigset_t set = signals();
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	if (capable())
		(void)fputs(HIDE, stdout);
}

void
terminal_end(void)
{
	if (capable())
		(void)fputs(SHOW, stdout);
	(void)fflush(stdout);
}

/* Each line clears what was behind it, and the last one what was below. */
static void
draw_lines(const char *line, unsigned rows)
{
	(void)fputs("\033[H", stdout);
	for (unsigned i = 1; *line != '\0' && i < rows; i++) {
		size_t len = strcspn(line, "\n");
		(void)fprintf(stdout, "%.*s\033[K\n", (int)len, line);
		line += len + (line[len] == '\n');
	}
	(void)fputs("\033[J", stdout);
}

int
terminal_draw(const struct buf *text)
{
	struct winsize size;
	if (!capable())
		(void)printf("%s\n", buf_str(text));
	else if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
		 size.ws_row > 1)
		draw_lines(buf_str(text), size.ws_row);
	else
		draw_lines(buf_str(text), 24);
	return fflush(stdout) == 0 ? 0 : -1;
}

bool
terminal_pause(long seconds)
{
	const struct timespec most = {.tv_sec = seconds};
	sigset_t set = signals();
	int got = sigtimedwait(&set, NULL, &most);
	if (got == SIGTSTP) { /* with the cursor shown meanwhile */
		terminal_end();
		(void)raise(SIGSTOP);
		terminal_begin();
	}
	/* Nothing, or another size: draw again. */
	return got < 0 || got == SIGTSTP || got == SIGWINCH;
}
