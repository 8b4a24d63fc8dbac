/* SPDX-License-Identifier: ISC */
/*
 * How long does a command take that reads a message from stdin?  Several
 * commands take turns, A B A B, so that what else happens on the machine
 * falls on all of them alike.  Prints a line for each: median, 90th of 100
 * in microseconds, and calls per second; -j N has N callers at once.
 *
 *   calls [-j N] ROUNDS MESSAGE COMMAND [ARGUMENT...] [--- COMMAND ...]
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS_MAX 8

extern char **environ;

static double
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Start the command with the message on stdin. */
static pid_t
start(char **command, const char *message)
{
	posix_spawn_file_actions_t files;
	pid_t pid;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(
	    &files, STDIN_FILENO, message, O_RDONLY, 0);
	posix_spawn_file_actions_addopen(
	    &files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, command[0], &files, NULL, command, environ) !=
	    0) {
		fprintf(stderr, "calls: cannot start %s\n", command[0]);
		exit(1);
	}
	posix_spawn_file_actions_destroy(&files);
	return pid;
}

/* pid -1: any of those started. */
static void
finish(pid_t pid, char **command)
{
	int status = -1;

	if (waitpid(pid, &status, 0) > 0 && status == 0)
		return;
	fprintf(stderr, "calls: %s failed, status %d\n", command[0], status);
	exit(1);
}

/* Count calls, at most jobs of them at once; how many a second. */
static double
together(char **command, const char *message, int count, int jobs)
{
	double begun = now_us();
	int running = 0;

	for (int i = 0; i < count; i++, running++) {
		if (running == jobs) {
			finish(-1, command);
			running--;
		}
		(void)start(command, message);
	}
	for (; running > 0; running--)
		finish(-1, command);
	return count * 1e6 / (now_us() - begun);
}

static void
report(double *took, int n)
{
	double sum = 0;

	for (int i = 0; i < n; i++)
		sum += took[i];
	qsort(took, (size_t)n, sizeof(*took), by_size);
	printf(
	    "%.0f %.0f %.0f\n", took[n / 2], took[n * 9 / 10], n * 1e6 / sum);
}

static int
split(char **argv, char **commands[COMMANDS_MAX])
{
	int n = 0;
	bool first = true;

	for (; *argv != NULL; argv++) {
		if (strcmp(*argv, "---") == 0) {
			*argv = NULL;
			first = true;
		} else if (first && n < COMMANDS_MAX) {
			commands[n++] = argv;
			first = false;
		}
	}
	return n;
}

int
main(int argc, char **argv)
{
	char **commands[COMMANDS_MAX];
	double *took[COMMANDS_MAX];
	int jobs = 1, rounds, n, opt;
	const char *message;

	while ((opt = getopt(argc, argv, "+j:")) != -1)
		jobs = opt == 'j' ? atoi(optarg) : 0;
	if (jobs < 1 || argc - optind < 3)
		return 64;
	rounds = atoi(argv[optind]);
	message = argv[optind + 1];
	n = split(argv + optind + 2, commands);
	for (int c = 0; c < n; c++)
		took[c] = calloc((size_t)rounds, sizeof(**took));
	for (int i = 0; i < rounds && jobs == 1; i++) {
		for (int c = 0; c < n; c++) {
			double begun = now_us();

			finish(start(commands[c], message), commands[c]);
			took[c][i] = now_us() - begun;
		}
	}
	for (int c = 0; c < n; c++) {
		if (jobs == 1)
			report(took[c], rounds);
		else
			printf("%.0f\n",
			    together(commands[c], message, rounds, jobs));
		free(took[c]);
	}
	return 0;
}
