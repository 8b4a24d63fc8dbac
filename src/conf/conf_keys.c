/* SPDX-License-Identifier: ISC */
/*
 * Every key of waypost.conf, once.  The reader, the check for unknown keys
 * and libconfuse's option tables are all made from here, and a test holds
 * conf/waypost.conf.5 against it.  No code but two look-ups.
 *
 * Invariant: a fallback passes the checks of its own key, so that reading
 * the defaults can never be a fault.
 */
#include "conf/conf_keys.h"

#include <string.h>

#include "base/limits.h"
#include "conf/conf.h"
#include "conf/conf_check.h"

#define AT(field) offsetof(struct conf, field)
#define HOST(field) offsetof(struct smarthost, field)
#define DOOR(field) offsetof(struct listener, field)
#define CERT(field) offsetof(struct certificate, field)
#define SIGN(field) offsetof(struct dkim_conf, field)

#define SECOND UINT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define MEGA (UINT64_C(1) << 20)
#define GIGA (UINT64_C(1) << 30)

static const char *const deny_allow[] = {"deny", "allow", NULL};
static const char *const tls_policies[] = {
    "none", "opportunistic", "require", "verify", NULL};
static const char *const tls_doors[] = {"none", "starttls", "implicit", NULL};
static const char *const profiles[] = {"modern", "legacy", NULL};
static const char *const server_mechanisms[] = {
    "PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "EXTERNAL", NULL};

#define TEXT(n, at, def, fn)                                                \
	{                                                                   \
		.name = n, .type = KEY_TEXT, .offset = at, .fallback = def, \
		.check = fn                                                 \
	}
#define FLAG(n, at, def)                                                   \
	{                                                                  \
		.name = n, .type = KEY_BOOL, .offset = at, .fallback = def \
	}
#define ONE_OF(n, t, at, def, of)                                    \
	{                                                            \
		.name = n, .type = t, .offset = at, .fallback = def, \
		.choices = of                                        \
	}
#define RANGE(n, t, at, def, lo, hi)                                 \
	{                                                            \
		.name = n, .type = t, .offset = at, .fallback = def, \
		.min = lo, .max = hi                                 \
	}
#define WORDS(n, at, def, lo, hi, of, fn)                                    \
	{                                                                    \
		.name = n, .type = KEY_WORDS, .offset = at, .fallback = def, \
		.min = lo, .max = hi, .choices = of, .check = fn             \
	}

static const struct key file_keys[] = {
    TEXT("hostname", AT(hostname), NULL, check_hostname),
    TEXT("origin", AT(origin), NULL, check_domain),
    TEXT("postmaster", AT(postmaster), NULL, check_address),
    TEXT("aliases", AT(aliases), "/etc/aliases", check_path),
    TEXT("domains", AT(domains), "/etc/waypost/domains", check_path),
    TEXT("users", AT(users), "/etc/waypost/users", check_path),
    TEXT("spool", AT(spool), "/var/spool/waypost", check_path),
    RANGE("max-hops", KEY_NUMBER, AT(max_hops), "30", 1, 100),
    RANGE("workers", KEY_NUMBER, AT(workers), "0", 0, 64),
};

static const struct key smarthost_keys[] = {
    WORDS("hosts", HOST(hosts), NULL, 0, 100, NULL, check_host),
    FLAG("direct-first", HOST(direct_first), "false"),
    WORDS("senders", HOST(senders), NULL, 0, 10000, NULL, check_sender),
    ONE_OF("tls", KEY_CHOICE, HOST(session.tls), "verify", tls_policies),
    FLAG("implicit", HOST(session.implicit), "false"),
    TEXT("user", HOST(session.user), NULL, NULL),
    TEXT("secret-file", HOST(session.secret_file), NULL, check_path),
    TEXT("secret-command", HOST(session.secret_command), NULL, NULL),
    ONE_OF("mechanism", KEY_TEXT, HOST(session.mechanism), "auto",
	session_mechanisms),
    TEXT("ca-file", HOST(session.ca_file), NULL, check_path),
    TEXT("client-certificate", HOST(session.client_certificate), NULL,
	check_path),
    TEXT("client-key", HOST(session.client_key), NULL, check_path),
    TEXT("helo", HOST(session.helo), NULL, check_helo),
};

static const struct key listen_keys[] = {
    TEXT("address", DOOR(address), NULL, check_listen),
    ONE_OF("tls", KEY_CHOICE, DOOR(tls), "starttls", tls_doors),
    FLAG("require-tls", DOOR(require_tls), "false"),
    FLAG("require-auth", DOOR(require_auth), "false"),
    TEXT("certificate", DOOR(certificate), NULL, check_path),
    TEXT("key", DOOR(key), NULL, check_path),
    TEXT("client-ca", DOOR(client_ca), NULL, check_path),
    ONE_OF("profile", KEY_TEXT, DOOR(profile), "modern", profiles),
    FLAG("normalize", DOOR(normalize), "false"),
    WORDS("proxies", DOOR(proxies), NULL, 0, 1000, NULL, check_block),
};

static const struct key tls_keys[] = {
    TEXT("certificate", AT(tls.certificate), NULL, check_path),
    TEXT("key", AT(tls.key), NULL, check_path),
};

static const struct key certificate_keys[] = {
    TEXT("certificate", CERT(certificate), NULL, check_path),
    TEXT("key", CERT(key), NULL, check_path),
};

static const struct key access_keys[] = {
    ONE_OF("default", KEY_BOOL, AT(access.allow), "allow", deny_allow),
    WORDS("except", AT(access.except), NULL, 0, 100000, NULL, check_client),
};

static const struct key relay_keys[] = {
    ONE_OF("default", KEY_BOOL, AT(relay.allow), "deny", deny_allow),
    WORDS("except", AT(relay.except), NULL, 0, 100000, NULL, check_client),
    FLAG("authenticated", AT(relay.authenticated), "true"),
    FLAG("open-relay", AT(relay.open_relay), "false"),
};

static const struct key auth_keys[] = {
    WORDS("mechanisms", AT(auth.mechanisms),
	"PLAIN LOGIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS", 0, 5, server_mechanisms,
	NULL),
    FLAG("plaintext-without-tls", AT(auth.plaintext_without_tls), "false"),
    FLAG("name-in-received", AT(auth.name_in_received), "false"),
};

static const struct key limits_keys[] = {
    RANGE(
	"message-size", KEY_SIZE, AT(limits.message_size), "10M", 0, 2 * GIGA),
    RANGE(
	"session-size", KEY_SIZE, AT(limits.session_size), "0", 0, 1024 * GIGA),
    RANGE("recipients", KEY_NUMBER, AT(limits.recipients), "1000", 1,
	RECIPIENTS_MAX),
    RANGE("connections", KEY_NUMBER, AT(limits.connections), "1000", 1, 100000),
    RANGE("per-client", KEY_NUMBER, AT(limits.per_client), "50", 1, 100000),
    RANGE("rate-per-client", KEY_NUMBER, AT(limits.rate_per_client), "0", 0,
	1000000),
    RANGE("idle-timeout", KEY_TIME, AT(limits.idle_timeout_ms), "5m", SECOND,
	DAY),
    RANGE("errors", KEY_NUMBER, AT(limits.errors), "20", 1, 1000),
};

static const struct key outbound_keys[] = {
    RANGE("port", KEY_NUMBER, AT(outbound.port), "25", 1, 65535),
    RANGE("connections", KEY_NUMBER, AT(outbound.connections), "100", 1, 10000),
    RANGE("per-destination", KEY_NUMBER, AT(outbound.per_destination), "20", 1,
	10000),
    RANGE("messages-per-connection", KEY_NUMBER,
	AT(outbound.messages_per_connection), "100", 1, 1000000),
    RANGE("recipients-per-message", KEY_NUMBER,
	AT(outbound.recipients_per_message), "100", 1, RECIPIENTS_MAX),
    RANGE("connect-timeout", KEY_TIME, AT(outbound.connect_timeout_ms), "30s",
	100, HOUR),
    RANGE("timeout", KEY_TIME, AT(outbound.timeout_ms), "5m", 100, HOUR),
    TEXT("source-address", AT(outbound.source_address), NULL, check_ip),
    FLAG("dane", AT(outbound.dane), "true"),
    FLAG("mta-sts", AT(outbound.mta_sts), "true"),
    TEXT("ca-file", AT(outbound.ca_file), NULL, check_path),
};

static const struct key queue_keys[] = {
    RANGE("retry", KEY_TIMES, AT(queue.retry_ms), "1m 5m 15m 30m 60m 240m", 10,
	30 * DAY),
    RANGE("delay-notice", KEY_TIME, AT(queue.delay_notice_ms), "12h", 0,
	365 * DAY),
    RANGE("expire", KEY_TIME, AT(queue.expire_ms), "2d", SECOND, 365 * DAY),
    TEXT("report-copy-to", AT(queue.report_copy_to), NULL, check_address),
    RANGE(
	"badmail-max", KEY_SIZE, AT(queue.badmail_max), "100M", 0, 1024 * GIGA),
    RANGE("badmail-keep", KEY_TIME, AT(queue.badmail_keep_ms), "30d", SECOND,
	3650 * DAY),
};

/* Without a directory of their own these two live in the spool. */
static const struct key pickup_keys[] = {
    TEXT("directory", AT(pickup.directory), NULL, check_path),
    FLAG("dot-stuffed", AT(pickup.dot_stuffed), "false"),
    RANGE("rate-per-user", KEY_NUMBER, AT(pickup.rate_per_user), "6000", 0,
	1000000),
};

static const struct key drop_keys[] = {
    TEXT("directory", AT(drop.directory), NULL, check_path),
    RANGE("quota", KEY_SIZE, AT(drop.quota), "0", 0, 1024 * 1024 * GIGA),
};

static const struct key masquerade_keys[] = {
    TEXT("domain", AT(masquerade.domain), NULL, check_domain),
    WORDS("exempt", AT(masquerade.exempt), NULL, 0, 1000, NULL, check_user),
    TEXT("from", AT(masquerade.from), NULL, check_mailbox),
    WORDS("senders", AT(masquerade.senders), NULL, 0, 1000, NULL,
	check_replacement),
    FLAG("header-from", AT(masquerade.header_from), "false"),
    WORDS("clients", AT(masquerade.clients), NULL, 0, 1000, NULL, check_block),
};

static const struct key dkim_keys[] = {
    WORDS("selector", SIGN(selectors), NULL, 0, 8, NULL, check_domain),
    WORDS("key", SIGN(keys), NULL, 0, 8, NULL, check_path),
    FLAG("subdomains", SIGN(subdomains), "false"),
    FLAG("optional", SIGN(optional), "false"),
    RANGE("expire", KEY_TIME, SIGN(expire_ms), "0", 0, 365 * DAY),
};

static const struct key dns_keys[] = {
    WORDS("servers", AT(dns.servers), NULL, 0, 16, NULL, check_server),
    TEXT("trust-anchor", AT(dns.trust_anchor), NULL, check_path),
    FLAG("hosts-file", AT(dns.hosts_file), "true"),
};

static const struct key alert_keys[] = {
    TEXT("command", AT(alert.command), NULL, NULL),
    RANGE("oldest", KEY_TIME, AT(alert.oldest_ms), "4h", SECOND, 365 * DAY),
};

#define KEYS(k) k, sizeof(k) / sizeof((k)[0])
#define LIST(type, array) sizeof(struct type), AT(array), AT(n##array)

const struct key_section keys_sections[] = {
    {NULL, SECTION_ONCE, KEYS(file_keys), 0, 0, 0},
    {"smarthost", SECTION_MAY_BE_NAMED, KEYS(smarthost_keys),
	LIST(smarthost, smarthosts)},
    {"listen", SECTION_NAMED, KEYS(listen_keys), LIST(listener, listeners)},
    {"tls", SECTION_ONCE, KEYS(tls_keys), 0, 0, 0},
    {"certificate", SECTION_NAMED, KEYS(certificate_keys),
	LIST(certificate, certificates)},
    {"access", SECTION_ONCE, KEYS(access_keys), 0, 0, 0},
    {"relay", SECTION_ONCE, KEYS(relay_keys), 0, 0, 0},
    {"auth", SECTION_ONCE, KEYS(auth_keys), 0, 0, 0},
    {"limits", SECTION_ONCE, KEYS(limits_keys), 0, 0, 0},
    {"outbound", SECTION_ONCE, KEYS(outbound_keys), 0, 0, 0},
    {"queue", SECTION_ONCE, KEYS(queue_keys), 0, 0, 0},
    {"pickup", SECTION_ONCE, KEYS(pickup_keys), 0, 0, 0},
    {"drop", SECTION_ONCE, KEYS(drop_keys), 0, 0, 0},
    {"masquerade", SECTION_ONCE, KEYS(masquerade_keys), 0, 0, 0},
    {"dns", SECTION_ONCE, KEYS(dns_keys), 0, 0, 0},
    {"alert", SECTION_ONCE, KEYS(alert_keys), 0, 0, 0},
    {"dkim", SECTION_NAMED, KEYS(dkim_keys), LIST(dkim_conf, dkim)},
};
const size_t keys_nsections = sizeof(keys_sections) / sizeof(keys_sections[0]);

static bool
same(const char *name, const char *text, size_t len)
{
	return strlen(name) == len && memcmp(name, text, len) == 0;
}

const struct key_section *
keys_section(const char *name, size_t len)
{
	for (size_t i = 1; i < keys_nsections; i++)
		if (same(keys_sections[i].name, name, len))
			return &keys_sections[i];
	return NULL;
}

const struct key *
keys_find(const struct key_section *s, const char *name, size_t len)
{
	for (size_t i = 0; i < s->nkeys; i++)
		if (same(s->keys[i].name, name, len))
			return &s->keys[i];
	return NULL;
}

void *
keys_array(const struct key_section *s, struct conf *c, size_t *n)
{
	void *array;
	memcpy(&array, (char *)c + s->array, sizeof(array));
	memcpy(n, (char *)c + s->number, sizeof(*n));
	return array;
}
