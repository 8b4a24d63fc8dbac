/* SPDX-License-Identifier: ISC */
/*
 * The domain table with 100,000 lines: how long a load takes, and what a
 * look-up costs for a mix of exact names, names below wildcards and names
 * that are not there.  Best of five, so that a busy machine does not lie.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/table.h"

#define LINES 100000
#define ROUNDS 5
#define LOOKUPS 1000000

static double
now_ns(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int
write_table(char *path)
{
	int fd = mkstemp(path);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
	if (out == NULL)
		return -1;
	(void)fprintf(out, "example.com local default\n");
	for (int i = 1; i < LINES; i++)
		(void)fprintf(out,
		    i % 4 == 0
			? "*.dept%d.example.test remote host=[192.0.2.9] "
			  "relay=yes user=u%d secret-file=/etc/s/%d\n"
			: "customer%d.test remote host=hub%d.test:%d "
			  "relay=yes\n",
		    i, i, i % 60000 + 1);
	return fclose(out);
}

static double
lookups(const struct table *t)
{
	static const char *const forms[][2] = {{"customer", "test"},
	    {"a.b.dept", "example.test"}, {"www.nobody", "example.org"}};
	char names[999][64];
	size_t found = 0, lens[999];
	for (int i = 0; i < 999; i++)
		lens[i] = (size_t)snprintf(names[i], sizeof(names[i]),
		    "%s%d.%s", forms[i % 3][0], i * 100 + 4, forms[i % 3][1]);
	double start = now_ns();
	for (int i = 0; i < LOOKUPS; i++)
		found += table_find(t, names[i % 999], lens[i % 999]) != NULL;
	double ns = (now_ns() - start) / LOOKUPS;
	if (found == 0)
		(void)fprintf(stderr, "nothing found\n");
	return ns;
}

int
main(void)
{
	char path[] = "/tmp/table_bench.XXXXXX";
	double load = 1e18, find = 1e18;
	struct faults f;
	if (write_table(path) != 0)
		return 1;
	for (int i = 0; i < ROUNDS; i++) {
		faults_init(&f);
		double start = now_ns();
		struct table *t = table_load(path, false, &f);
		double took = now_ns() - start;
		if (t == NULL || table_size(t) != LINES) {
			(void)fprintf(stderr, "%s\n", buf_str(&f.text));
			return 1;
		}
		load = took < load ? took : load;
		took = lookups(t);
		find = took < find ? took : find;
		table_free(t);
		faults_free(&f);
	}
	(void)unlink(path);
	printf("table_load_ms %.1f\ntable_lookup_ns %.0f\n", load / 1e6, find);
	return 0;
}
