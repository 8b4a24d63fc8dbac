/* SPDX-License-Identifier: ISC */
/* submit/alias.h: the file's syntax, its faults, and what names become. */
#include "submit/alias.h"

#include "spool.h"

static struct conf conf = {
    .hostname = "h.example.com", .origin = "example.com"};

struct world {
	struct alias *a;
	struct faults f;
	char dir[256];
};

static void
load_bytes(struct world *w, const char *text, size_t len)
{
	char path[300];
	spool_directory(w->dir);
	(void)snprintf(path, sizeof(path), "%s/aliases", w->dir);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(io_write(fd, text, len), 0);
	assert_int_equal(close(fd), 0);
	faults_init(&w->f);
	w->a = alias_load(path, &w->f);
	assert_non_null(w->a);
}

static void
load(struct world *w, const char *text)
{
	load_bytes(w, text, strlen(text));
}

static void
unload(struct world *w)
{
	alias_free(w->a);
	faults_free(&w->f);
	spool_remove(w->dir);
}

/* What rcpt becomes, joined by blanks; "!why" when it becomes nothing. */
static const char *
expand(const struct alias *a, const char *rcpt)
{
	static char all[4096];
	struct address_list out = {0};
	struct address addr;
	const char *why = NULL;
	assert_int_equal(address_parse(&addr, rcpt, strlen(rcpt),
			     ADDRESS_BARE | ADDRESS_UTF8, &why),
	    0);
	all[0] = '\0';
	if (alias_expand(a, &conf, &addr, &out, &why) != 0) {
		assert_non_null(why);
		(void)snprintf(all, sizeof(all), "!%s", why);
	}
	address_list_unique(&out);
	for (size_t i = 0; i < out.n && all[0] != '!'; i++) {
		size_t n = strlen(all);
		(void)snprintf(all + n, sizeof(all) - n, "%s%s", i ? " " : "",
		    out.v[i].text);
	}
	address_list_free(&out);
	return all;
}

static void
test_names(void **state)
{
	static const char text[] = "# comment: none\n"
				   "root: admin@example.org\n"
				   "\n"
				   "Postmaster:root\r\n"
				   "team : a, B@x.example,\n"
				   "\tc@y.example # and more\n"
				   "# between\n"
				   "  , \"John, Doe\" <jd@z.example>\n"
				   "\"two words\": quoted@example.org\n"
				   "stop: \\root\n"
				   "self: self, other@example.org\n"
				   "hash: a#b@example.org\n"
				   "last: x@y.example";
	static const char *const cases[][2] = {
	    {"root", "admin@example.org"},
	    {"ROOT", "admin@example.org"},
	    {"root@example.com", "admin@example.org"},
	    {"root@H.Example.COM", "admin@example.org"},
	    {"root@example.net", "root@example.net"},
	    {"postmaster", "admin@example.org"},
	    {"team", "a@example.com B@x.example c@y.example jd@z.example"},
	    {"\"two words\"", "quoted@example.org"},
	    {"\"root\"", "admin@example.org"},
	    {"stop", "root@example.com"},
	    {"self", "self@example.com other@example.org"},
	    {"hash", "a#b@example.org"},
	    {"last", "x@y.example"},
	    {"nobody", "nobody@example.com"},
	    {"comment", "comment@example.com"},
	};
	struct world w;
	(void)state;
	load(&w, text);
	assert_string_equal(buf_str(&w.f.text), "");
	assert_int_equal(alias_size(w.a), 8);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(expand(w.a, cases[i][0]), cases[i][1]);
	unload(&w);
}

/* A faulty line is told with its number, and its name never means itself. */
static void
test_A13_faults(void **state)
{
	static const struct {
		const char *line, *name;
	} cases[] = {
	    {"x: |/bin/sh\n", "x"},
	    {"x: \"|/bin/sh -c id\"\n", "x"},
	    {"x: /etc/passwd\n", "x"},
	    {"x: \"/etc/pass wd\"\n", "x"},
	    {"x: :include:/etc/shadow\n", "x"},
	    {"x: \":INCLUDE:/etc/shadow\"\n", "x"},
	    {"x: ok@example.org, |id\n", "x"},
	    {"x: \\|id\n", "x"},
	    {"x:\n", "x"},
	    {"x: , ,\n", "x"},
	    {"x y: z@example.org\n", "x"},
	    {"x z@example.org\n", "x"},
	    {"x: a@b@c\n", "x"},
	    {"x: a\001b@example.org\n", "x"},
	    {"x@example.com: z@example.org\n", NULL},
	    {": z@example.org\n", NULL},
	    {" x: z@example.org\n", NULL},
	    {"\"x: z@example.org\n", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w;
		load(&w, cases[i].line);
		if (w.f.count != 1)
			fail_msg("case %zu: %u faults", i, w.f.count);
		assert_non_null(strstr(buf_str(&w.f.text), "/aliases:1: "));
		if (cases[i].name != NULL)
			assert_int_equal(expand(w.a, cases[i].name)[0], '!');
		unload(&w);
	}
}

static void
test_fault_lines_are_counted(void **state)
{
	struct world w;
	(void)state;
	load(&w, "a: b@c\n# x\nd: e@f,\n g@h\ni: |j\nd: k@l\n");
	assert_int_equal(w.f.count, 2);
	assert_non_null(strstr(buf_str(&w.f.text), ":5: "));
	assert_non_null(strstr(buf_str(&w.f.text), ":6: "));
	assert_string_equal(expand(w.a, "d"), "e@f g@h");
	unload(&w);
}

static void
test_circles(void **state)
{
	struct world w;
	(void)state;
	load(&w, "a: b\nb: a\nc: d, x@y.example\nd: c\ne: e\n");
	assert_int_equal(expand(w.a, "a")[0], '!');
	assert_string_equal(expand(w.a, "c"), "x@y.example");
	assert_string_equal(expand(w.a, "e"), "e@example.com");
	unload(&w);
}

static void
test_depth(void **state)
{
	struct buf text;
	struct world w;
	(void)state;
	buf_init(&text, 1 << 16);
	for (int i = 0; i < ALIAS_DEPTH_MAX + 1; i++)
		(void)buf_addf(&text, "n%d: n%d\n", i, i + 1);
	load(&w, buf_str(&text));
	assert_string_equal(expand(w.a, "n1"), "n33@example.com");
	assert_int_equal(expand(w.a, "n0")[0], '!');
	unload(&w);
	buf_free(&text);
}

/* Each name twice in the one before: 2^30 paths, but 31 names (H15). */
static void
test_H15_expansion_is_linear(void **state)
{
	struct buf text;
	struct world w;
	(void)state;
	buf_init(&text, 1 << 16);
	for (int i = 0; i < 30; i++)
		(void)buf_addf(&text, "n%d: n%d, n%d, m%d@x.example\n", i,
		    i + 1, i + 1, i);
	load(&w, buf_str(&text));
	assert_non_null(strstr(expand(w.a, "n0"), "n30@example.com"));
	unload(&w);
	buf_free(&text);
}

static void
test_missing_and_unreadable(void **state)
{
	struct faults f;
	(void)state;
	faults_init(&f);
	struct alias *a = alias_load("/nonexistent/aliases", &f);
	assert_int_equal(f.count, 0);
	assert_int_equal(alias_size(a), 0);
	assert_string_equal(expand(a, "root"), "root@example.com");
	alias_free(a);
	a = alias_load("/proc/self/mem", &f);
	assert_int_equal(f.count, 1);
	assert_int_equal(expand(a, "root")[0], '!');
	assert_string_equal(expand(a, "root@x.example"), "root@x.example");
	alias_free(a);
	faults_free(&f);
	assert_string_equal(expand(NULL, "root"), "root@example.com");
}

static void
test_nul_and_rubbish(void **state)
{
	struct world w;
	(void)state;
	load_bytes(&w, "a: b\0c@d\n", 9);
	assert_int_equal(w.f.count, 1);
	assert_int_equal(expand(w.a, "a")[0], '!');
	unload(&w);
	load_bytes(&w, "\0", 1);
	assert_int_equal(w.f.count, 1);
	unload(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_A13_faults),
	    cmocka_unit_test(test_fault_lines_are_counted),
	    cmocka_unit_test(test_circles),
	    cmocka_unit_test(test_depth),
	    cmocka_unit_test(test_H15_expansion_is_linear),
	    cmocka_unit_test(test_missing_and_unreadable),
	    cmocka_unit_test(test_nul_and_rubbish),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
