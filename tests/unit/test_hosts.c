/* SPDX-License-Identifier: ISC */
/* net/hosts.h: a file of its own, changed while it is in use. */
#include "net/hosts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
	char dir[32], path[64], other[64];
	struct hosts *hosts;
};

static void
write_file(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

/* Always another inode, whatever the clock's grain. */
static void
replace(struct place *p, const char *text)
{
	write_file(p->other, text, strlen(text));
	assert_int_equal(rename(p->other, p->path), 0);
}

static int
set_up(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	assert_non_null(p);
	(void)snprintf(p->dir, sizeof(p->dir), "/tmp/hosts.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	(void)snprintf(p->path, sizeof(p->path), "%s/hosts", p->dir);
	(void)snprintf(p->other, sizeof(p->other), "%s/new", p->dir);
	p->hosts = hosts_new(p->path);
	*state = p;
	return 0;
}

static int
tear_down(void **state)
{
	struct place *p = *state;
	(void)unlink(p->path);
	(void)rmdir(p->dir);
	hosts_free(p->hosts);
	free(p);
	return 0;
}

/* All that is found, as text. */
static const char *
find(struct place *p, const char *name)
{
	static char all[256];
	struct ip v[3];
	size_t used = 0, n = hosts_find(p->hosts, name, v, 3);
	all[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		char text[IP_TEXT_MAX];
		ip_format(&v[i], text);
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s",
		    i > 0 ? " " : "", text);
	}
	return all;
}

static void
test_names(void **state)
{
	struct place *p = *state;
	replace(p, "# 192.0.2.99 comment\n"
		   "192.0.2.1 one One.Example\t alias # two\n"
		   "\t2001:db8::1\tone\r\n"
		   "\n   \n"
		   "192.0.2.2 two#not\n"
		   "bad one\n192.0.2 one\nfe80::1%eth0 one\n"
		   "192.0.2.3 many\n192.0.2.4 many\n192.0.2.5 many\n"
		   "192.0.2.6 many\n"
		   "192.0.2.7 last");
	assert_string_equal(find(p, "one"), "192.0.2.1 2001:db8::1");
	assert_string_equal(find(p, "one.example"), "192.0.2.1");
	assert_string_equal(find(p, "ALIAS"), "192.0.2.1");
	assert_string_equal(find(p, "two"), "192.0.2.2");
	assert_string_equal(find(p, "not"), "");
	assert_string_equal(find(p, "comment"), "");
	assert_string_equal(find(p, "on"), "");
	assert_string_equal(find(p, "192.0.2.1"), "");
	assert_string_equal(find(p, "many"), "192.0.2.3 192.0.2.4 192.0.2.5");
	assert_string_equal(find(p, "last"), "192.0.2.7");
	assert_string_equal(find(p, "none"), "");
}

static void
test_changes(void **state)
{
	struct place *p = *state;
	assert_string_equal(find(p, "a"), "");
	replace(p, "192.0.2.1 a\n");
	assert_string_equal(find(p, "a"), "192.0.2.1");
	replace(p, "192.0.2.2 a\n");
	assert_string_equal(find(p, "a"), "192.0.2.2");
	assert_int_equal(unlink(p->path), 0);
	assert_string_equal(find(p, "a"), "");
	replace(p, "");
	assert_string_equal(find(p, "a"), "");
}

static void
test_octets(void **state)
{
	struct place *p = *state;
	static const char odd[] = "192.0.2.1 a\0b\n\0"
				  "192.0.2.2 a\n";
	write_file(p->path, odd, sizeof(odd) - 1);
	assert_string_equal(find(p, "a"), "192.0.2.1 192.0.2.2");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_changes, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_octets, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
