/* SPDX-License-Identifier: ISC */
/* waypost.conf: values, defaults, files; test_conf_faults.c breaks it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "conf/conf.h"
#include "conf/conf_read.h"

#define HOST "hostname = mx.example.com\n"

static struct conf *
read_text(const char *text, unsigned flags, struct faults *f)
{
	faults_init(f);
	return conf_read("w.conf", text, strlen(text), flags, f);
}

static struct conf *
good(const char *text)
{
	struct faults f;
	struct conf *c = read_text(text, 0, &f);
	if (c == NULL)
		fail_msg("%s", buf_str(&f.text));
	assert_int_equal(f.count, 0);
	faults_free(&f);
	return c;
}

static void
test_defaults(void **state)
{
	struct conf *c = good(HOST);
	(void)state;
	assert_string_equal(c->hostname, "mx.example.com");
	assert_null(c->origin);
	assert_string_equal(conf_origin(c), "mx.example.com");
	assert_string_equal(c->postmaster, "postmaster");
	assert_string_equal(c->domains, "/etc/waypost/domains");
	assert_string_equal(c->spool, "/var/spool/waypost");
	assert_int_equal(c->max_hops, 30);
	assert_int_equal(c->nsmarthosts + c->nlisteners, 0);
	assert_true(c->access.allow);
	assert_false(c->relay.allow || c->relay.open_relay);
	assert_true(c->relay.authenticated);
	assert_int_equal(c->auth.mechanisms.n, 4);
	assert_string_equal(c->auth.mechanisms.v[3], "SCRAM-SHA-256-PLUS");
	assert_false(c->auth.plaintext_without_tls);
	assert_int_equal(c->limits.message_size, 10 << 20);
	assert_int_equal(c->limits.session_size, 0);
	assert_int_equal(c->limits.rate_per_client, 0);
	assert_int_equal(c->limits.idle_timeout_ms, 300000);
	assert_int_equal(c->outbound.port, 25);
	assert_int_equal(c->outbound.per_destination, 20);
	assert_int_equal(c->outbound.connect_timeout_ms, 30000);
	assert_null(c->outbound.source_address);
	assert_int_equal(c->queue.nretry, 6);
	assert_int_equal(c->queue.retry_ms[5], 240 * 60000);
	assert_int_equal(c->queue.delay_notice_ms, 12 * 3600000);
	assert_int_equal(c->queue.expire_ms, 48 * 3600000);
	assert_null(c->queue.report_copy_to);
	assert_int_equal(c->queue.badmail_max, 100 << 20);
	assert_string_equal(c->pickup.directory, "/var/spool/waypost/pickup");
	assert_string_equal(c->drop.directory, "/var/spool/waypost/drop");
	assert_null(c->masquerade.domain);
	assert_int_equal(c->dns.servers.n, 0);
	assert_true(c->dns.hosts_file);
	assert_null(c->table);
	conf_unref(c);
}

static const char all_of_it[] =
    "hostname   = \"relay.example.com\"      # EHLO\n"
    "origin     = \"example.com\"  // another comment\n"
    "postmaster = \"postmaster@example.com\"\n"
    "aliases    = \"/etc/aliases\" /* and\n a third */\n"
    "domains = '/d' users = /u spool = /spool/ max-hops = 15\n"
    "smarthost \"sales\" { hosts = { \"b.example\" } senders = { \"a@b.c\", "
    "\"*.example.net\" } tls = require }\n"
    "smarthost {\n hosts = { \"[192.0.2.25]:587\", \"backup.example.net\" }\n"
    " direct-first = yes\n tls = opportunistic\n implicit = on\n"
    " user = \"relay\" secret-file = \"/etc/s\" mechanism = plain\n"
    " ca-file = \"\" helo = a.b client-certificate = /c client-key = /k\n}\n"
    "listen \"lan\" { address = \"127.0.0.1:25\" tls = none proxies = "
    "{ \"10.0.0.0/8\" } profile = legacy normalize = true }\n"
    "listen six { address = \"[::1]:25\" certificate = /c key = /k "
    "tls = implicit }\n"
    "listen unix { address = \"/run/w.sock\" require-auth = true }\n"
    "tls { certificate = \"/c\" key = \"/k\" }\n"
    "access { default = deny except = { \"192.0.2.1\", \".example.net\" } }\n"
    "relay { default = allow open-relay = true authenticated = off }\n"
    "auth { mechanisms = { PLAIN } plaintext-without-tls = true }\n"
    "limits { message-size = 1K session-size = \"2g\" recipients = 5 "
    "connections = 6 per-client = 7 rate-per-client = 9 "
    "idle-timeout = \"1m30s\" errors = 8 }\n"
    "outbound { port = 2525 connections = 1 per-destination = 2 "
    "messages-per-connection = 3 recipients-per-message = 4 "
    "connect-timeout = 500ms timeout = 1s source-address = \"192.0.2.7\" }\n"
    "queue { retry = { \"1s\", \"1w\" } delay-notice = 0 expire = 1h "
    "report-copy-to = ops badmail-max = 0 badmail-keep = 1d }\n"
    "pickup { directory = \"/p\" dot-stuffed = true }\n"
    "drop { directory = \"/q\" quota = 1T }\n"
    "masquerade { domain = \"m.example\" header-from = true exempt = root "
    "from = \"c@m.example\" senders = { \"a=b@c\", \"a@d=b=b@c\" } "
    "clients = { \"192.0.2.0/24\" } }\n"
    "dns { servers = { \"127.0.0.1\", \"::1@5353\" } trust-anchor = /r "
    "hosts-file = false }\n";

static void
test_lines(void **state)
{
	struct conf *c =
	    good(HOST "\n"
		      "smarthost \"b\" {\n senders = \"@b.test\"\n"
		      " hosts = \"b.test\"\n}\n"
		      "smarthost { hosts = {\n\"a.test\" } }\n"
		      "tls {\n key = \"/k\"\n certificate = \"/c\" }\n");
	(void)state;
	assert_int_equal(conf_line_of(c, &c->hostname), 1);
	assert_int_equal(conf_line_of(c, &c->tls.key), 10);
	assert_int_equal(conf_line_of(c, &c->smarthosts[0].hosts), 8);
	assert_int_equal(conf_line_of(c, &c->smarthosts[1].hosts), 5);
	assert_int_equal(conf_line_of(c, &c->smarthosts[1].session.tls), 0);
	assert_int_equal(conf_line_of(c, &c->spool), 0);
	conf_unref(c);
}

static void
test_every_key(void **state)
{
	struct conf *c = good(all_of_it);
	(void)state;
	assert_string_equal(conf_origin(c), "example.com");
	assert_int_equal(c->max_hops, 15);
	assert_int_equal(c->nsmarthosts, 2);
	const struct smarthost *h = &c->smarthosts[0];
	assert_null(h->name);
	assert_int_equal(h->hosts.n, 2);
	assert_string_equal(h->hosts.v[0], "[192.0.2.25]:587");
	assert_true(h->direct_first && h->session.implicit);
	assert_int_equal(h->session.tls, TLS_OPPORTUNISTIC);
	assert_string_equal(h->session.user, "relay");
	assert_string_equal(h->session.mechanism, "PLAIN");
	assert_null(h->session.ca_file);
	assert_string_equal(h->session.client_key, "/k");
	assert_string_equal(c->smarthosts[1].name, "sales");
	assert_int_equal(c->smarthosts[1].session.tls, TLS_REQUIRE);
	assert_int_equal(c->smarthosts[1].senders.n, 2);
	assert_int_equal(c->nlisteners, 3);
	assert_string_equal(c->listeners[0].profile, "legacy");
	assert_true(c->listeners[0].normalize);
	assert_int_equal(c->listeners[0].tls, LISTEN_PLAIN);
	assert_int_equal(c->listeners[1].tls, LISTEN_IMPLICIT);
	assert_string_equal(c->listeners[2].address, "/run/w.sock");
	assert_true(c->listeners[2].require_auth);
	assert_false(c->access.allow);
	assert_string_equal(c->access.except.v[1], ".example.net");
	assert_true(c->relay.allow && !c->relay.authenticated);
	assert_int_equal(c->auth.mechanisms.n, 1);
	assert_int_equal(c->limits.message_size, 1024);
	assert_int_equal(c->limits.session_size, 2LL << 30);
	assert_int_equal(c->limits.idle_timeout_ms, 90000);
	assert_int_equal(c->limits.errors, 8);
	assert_int_equal(c->limits.rate_per_client, 9);
	assert_int_equal(c->outbound.recipients_per_message, 4);
	assert_int_equal(c->outbound.connect_timeout_ms, 500);
	assert_string_equal(c->outbound.source_address, "192.0.2.7");
	assert_int_equal(c->queue.nretry, 2);
	assert_int_equal(c->queue.retry_ms[1], 604800000);
	assert_string_equal(c->queue.report_copy_to, "ops");
	assert_int_equal(c->drop.quota, 1LL << 40);
	assert_string_equal(c->masquerade.domain, "m.example");
	assert_string_equal(c->masquerade.exempt.v[0], "root");
	assert_string_equal(c->masquerade.from, "c@m.example");
	assert_string_equal(c->masquerade.senders.v[1], "a@d=b=b@c");
	assert_int_equal(c->masquerade.clients.n, 1);
	assert_true(c->masquerade.header_from);
	assert_string_equal(c->dns.servers.v[1], "::1@5353");
	conf_unref(c);
}

static void
test_M07_nul_bom_crlf(void **state)
{
	static const char nul[] = HOST "origin = a\0b\n";
	struct faults f;
	(void)state;
	faults_init(&f);
	assert_null(conf_read("w.conf", nul, sizeof(nul) - 1, 0, &f));
	assert_non_null(strstr(buf_str(&f.text), "w.conf:2: a control"));
	faults_free(&f);
	struct conf *c = good("\xef\xbb\xbf"
			      "hostname = a.b\r\nlimits {\r\nerrors = 3\r\n}");
	assert_string_equal(c->hostname, "a.b");
	assert_int_equal(c->limits.errors, 3);
	conf_unref(c);
}

static void
test_B04_environment(void **state)
{
	struct faults f;
	(void)state;
	assert_int_equal(setenv("WAY", "evil.example", 1), 0);
	assert_null(read_text(HOST "origin = \"${WAY}\"\n", 0, &f));
	assert_non_null(strstr(buf_str(&f.text), "w.conf:2: ${...} is not"));
	faults_free(&f);
	assert_null(read_text(HOST "origin = ${WAY}\n", 0, &f));
	faults_free(&f);
	assert_null(read_text(HOST "origin = a${WAY:-b}\n", 0, &f));
	faults_free(&f);
	struct conf *c = good(HOST "smarthost { hosts = a user = '${WAY}' "
				   "secret-command = \"\\${WAY}\" }\n# ${WAY}");
	assert_string_equal(c->smarthosts[0].session.user, "${WAY}");
	assert_string_equal(c->smarthosts[0].session.secret_command, "${WAY}");
	conf_unref(c);
}

static void
test_A48_drop_is_pickup(void **state)
{
	static const char *const pairs[][2] = {{"/p", "/p"}, {"/p/", "/p"},
	    {"/a//b/./", "/a/b"}, {"/var/spool/waypost/pickup", ""}};
	char text[300];
	struct faults f;
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		(void)snprintf(text, sizeof(text),
		    HOST "drop { directory = \"%s\" }\n"
			 "pickup { directory = \"%s\" }\n",
		    pairs[i][0], pairs[i][1]);
		assert_null(read_text(text, 0, &f));
		assert_non_null(strstr(
		    buf_str(&f.text), "w.conf:2: drop.directory and pickup"));
		faults_free(&f);
	}
	conf_unref(good(HOST "drop { directory = /pp }\n"
			     "pickup { directory = /p }\n"));
}

static void
test_M10_lenient(void **state)
{
	struct faults f;
	(void)state;
	struct conf *c =
	    read_text("hostname = a\nmax-hops = 7\nspool = \"/s\"\n"
		      "queue { retry = { x } }\n}",
		CONF_LENIENT, &f);
	assert_non_null(c);
	assert_true(f.count >= 3);
	assert_non_null(strchr(c->hostname, '.'));
	assert_int_equal(c->max_hops, 7);
	assert_string_equal(c->spool, "/s");
	assert_string_equal(c->drop.directory, "/s/drop");
	assert_int_equal(c->queue.nretry, 6);
	conf_unref(c);
	faults_free(&f);
	faults_init(&f);
	c = conf_load("/nonexistent/w.conf", CONF_LENIENT | CONF_LOCAL, &f);
	assert_non_null(c);
	assert_non_null(
	    strstr(buf_str(&f.text), "/nonexistent/w.conf: No such file"));
	assert_string_equal(c->spool, "/var/spool/waypost");
	conf_unref(c);
	assert_null(conf_load("/nonexistent/w.conf", 0, &f));
	faults_free(&f);
}

static char *
file_with(const char *text, size_t len, mode_t mode)
{
	char *path = strdup("/tmp/test_conf.XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
	return path;
}

static void
refused(char *path, const char *why)
{
	struct faults f;
	faults_init(&f);
	assert_null(conf_load(path, 0, &f));
	assert_int_equal(f.count, 1);
	assert_non_null(strstr(buf_str(&f.text), why));
	faults_free(&f);
	(void)unlink(path);
	free(path);
}

static void
test_M08_files(void **state)
{
	struct faults f;
	(void)state;
	char *path = file_with(HOST, strlen(HOST), 0644);
	faults_init(&f);
	struct conf *c = conf_load(path, 0, &f);
	assert_non_null(c);
	assert_string_equal(c->path, path);
	struct conf *again = conf_ref(c);
	conf_unref(c);
	assert_string_equal(again->hostname, "mx.example.com");
	conf_unref(again);
	(void)unlink(path);
	free(path);
	faults_free(&f);
	refused(file_with(HOST, strlen(HOST), 0646), "written by everybody");
	refused(strdup("/tmp"), "/tmp: is not a regular file");
	if (geteuid() == 0) {
		path = file_with(HOST, strlen(HOST), 0644);
		assert_int_equal(chown(path, 12345, 0), 0);
		refused(path, "belongs to uid 12345");
	}
	char *large = calloc(1, CONF_FILE_MAX + 2);
	refused(file_with(large, CONF_FILE_MAX + 1, 0644), "is larger than");
	free(large);
}

static void
test_relative_path(void **state)
{
	struct faults f;
	char *path = file_with(HOST, strlen(HOST), 0644);
	int back = open(".", O_RDONLY | O_DIRECTORY);
	(void)state;
	assert_int_equal(chdir("/tmp"), 0);
	faults_init(&f);
	struct conf *c = conf_load(path + strlen("/tmp/"), 0, &f);
	assert_non_null(c);
	assert_string_equal(c->path, path);
	assert_int_equal(fchdir(back), 0);
	assert_int_equal(close(back), 0);
	conf_unref(c);
	faults_free(&f);
	(void)unlink(path);
	free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_defaults),
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_every_key),
	    cmocka_unit_test(test_M07_nul_bom_crlf),
	    cmocka_unit_test(test_B04_environment),
	    cmocka_unit_test(test_A48_drop_is_pickup),
	    cmocka_unit_test(test_M10_lenient),
	    cmocka_unit_test(test_M08_files),
	    cmocka_unit_test(test_relative_path),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
