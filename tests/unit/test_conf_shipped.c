/* SPDX-License-Identifier: ISC */
/* The shipped files are good and closed, and the manual knows each key.
 * Runs in the project's root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf_keys.h"
#include "conf/conf_read.h"

/* The manual page names each key, in its section's order. */
static void
test_manual_has_every_key(void **state)
{
	size_t len;
	struct faults f;
	(void)state;
	faults_init(&f);
	if (access("conf/waypost.conf.5", R_OK) != 0)
		skip();
	char *page =
	    conf_slurp("conf/waypost.conf.5", 1 << 20, false, &len, &f);
	assert_non_null(page);
	const char *at = page;
	for (size_t i = 0; i < keys_nsections; i++) {
		const struct key_section *s = &keys_sections[i];
		for (size_t k = 0; k < s->nkeys; k++) {
			char want[80];
			(void)snprintf(want, sizeof(want), "\n.It Ic %s ",
			    s->keys[k].name);
			at = strstr(at, want);
			if (at == NULL)
				fail_msg("the page lacks %s of %s",
				    s->keys[k].name, s->name ? s->name : "-");
			at++;
		}
	}
	free(page);
	faults_free(&f);
}

static void
test_shipped_file(void **state)
{
	struct faults f;
	size_t len;
	(void)state;
	faults_init(&f);
	if (access("conf/waypost.conf", R_OK) != 0)
		skip();
	char *text = conf_slurp("conf/waypost.conf", 1 << 20, false, &len, &f);
	struct conf *c = conf_read("w", text, len, CONF_LENIENT, &f);
	assert_non_null(c);
	/* All but what is for the system that it comes to. */
	if (f.count > 0)
		assert_non_null(
		    strstr(buf_str(&f.text), "hostname is not set"));
	assert_true(f.count <= 1);
	assert_false(c->relay.allow);
	assert_int_equal(c->relay.except.n, 0);
	for (size_t i = 0; i < c->nlisteners; i++)
		assert_true(strncmp(c->listeners[i].address, "127.", 4) == 0 ||
			    strncmp(c->listeners[i].address, "[::1]", 5) == 0);
	conf_unref(c);
	free(text);
	text = conf_slurp("conf/domains", 1 << 20, false, &len, &f);
	assert_non_null(text);
	faults_free(&f);
	struct table *t = table_read("d", text, len, 0, &f);
	assert_non_null(t);
	table_free(t);
	faults_free(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_manual_has_every_key),
	    cmocka_unit_test(test_shipped_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
