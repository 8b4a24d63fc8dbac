/* SPDX-License-Identifier: ISC */
/*
 * Reads DNS messages.  Not a resolver and not a general decoder: seven
 * record types, one section, nothing is written.
 *
 * The messages come from libunbound, which has checked them; they are read
 * as if an enemy had written them.  Invariant: every octet is read through
 * the cursor, which knows the end; compression pointers only lead back, so
 * that reading a name ends.
 */
#include "net/dns.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"

#define HEADER_OCTETS 12
#define NAME_TEXT_MAX 253 /* what 255 octets on the wire make */
#define CLASS_IN 1
#define RCODE_NXDOMAIN 3

struct cursor {
	const uint8_t *data;
	size_t len, at;
};

static int
take16(struct cursor *c, unsigned *v)
{
	if (c->len - c->at < 2)
		return -1;
	*v = (unsigned)c->data[c->at] << 8 | c->data[c->at + 1];
	c->at += 2;
	return 0;
}

static int
take32(struct cursor *c, uint32_t *v)
{
	unsigned high, low;
	if (take16(c, &high) != 0 || take16(c, &low) != 0)
		return -1;
	*v = (uint32_t)high << 16 | low;
	return 0;
}

static bool
is_name_char(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
	       (ch >= '0' && ch <= '9') || ch == '-' || ch == '_';
}

/* Add one label to text, in lower case.  What is no name character becomes
 * '?', so that a dot or NUL inside of a label cannot pose as another name. */
static int
add_label(char *text, size_t *used, const uint8_t *label, size_t len)
{
	if (*used + (*used > 0) + len > NAME_TEXT_MAX)
		return -1;
	if (*used > 0)
		text[(*used)++] = '.';
	for (size_t i = 0; i < len; i++) {
		char ch = (char)label[i];
		if (ch >= 'A' && ch <= 'Z')
			ch = (char)(ch - 'A' + 'a');
		text[(*used)++] = is_name_char(ch) ? ch : '?';
	}
	text[*used] = '\0';
	return 0;
}

/* Read a name at the cursor; "" is the root. */
static int
take_name(struct cursor *c, char text[NAME_TEXT_MAX + 1])
{
	size_t used = 0, at = c->at, bound = c->at;
	bool jumped = false;
	text[0] = '\0';
	for (;;) {
		if (at >= c->len)
			return -1;
		size_t n = c->data[at];
		if (n > LABEL_MAX) {
			if (n < 0xc0 || c->len - at < 2)
				return -1;
			size_t to = (n & 0x3f) << 8 | c->data[at + 1];
			if (to >= bound)
				return -1;
			if (!jumped)
				c->at = at + 2;
			jumped = true;
			at = bound = to;
			continue;
		}
		if (n == 0)
			break;
		if (c->len - at - 1 < n ||
		    add_label(text, &used, c->data + at + 1, n) != 0)
			return -1;
		at += 1 + n;
	}
	if (!jumped)
		c->at = at + 1;
	return 0;
}

/* The character strings of a TXT record, one behind the other, to the place
 * that r has for them, which is as large as the message. */
static int
take_strings(struct cursor *c, uint8_t *to, struct dns_record *r)
{
	while (c->at < c->len) {
		size_t n = c->data[c->at++];
		if (c->len - c->at < n)
			return -1;
		memcpy(to + r->len, c->data + c->at, n);
		r->len += n;
		c->at += n;
	}
	return 1;
}

/* Data of the asked type; spare: room for its octets.  1: a record; 0: left out; -1: malformed. */
static int
read_data(struct cursor c, size_t end, enum record_type type,
    struct dns_record *r, uint8_t *spare)
{
	static const struct ip v4 = {{[10] = 0xff, [11] = 0xff}};
	char name[NAME_TEXT_MAX + 1];
	unsigned preference;
	size_t len = end - c.at;
	memset(r, 0, sizeof(*r));
	switch (type) {
	case RECORD_A:
		r->ip = v4;
		if (len != 4)
			return -1;
		memcpy(r->ip.octets + 12, c.data + c.at, 4);
		return 1;
	case RECORD_AAAA:
		if (len != sizeof(r->ip.octets))
			return -1;
		memcpy(r->ip.octets, c.data + c.at, len);
		return 1;
	case RECORD_MX:
		c.len = end;
		if (take16(&c, &preference) != 0 || take_name(&c, name) != 0 ||
		    c.at != end)
			return -1;
		r->preference = (uint16_t)preference;
		memcpy(r->name, name, strlen(name) + 1);
		return name[0] == '\0' || dns_name_valid(name, strlen(name));
	case RECORD_CNAME:
	case RECORD_PTR:
		c.len = end;
		if (take_name(&c, name) != 0 || c.at != end)
			return -1;
		memcpy(r->name, name, strlen(name) + 1);
		return dns_name_valid(name, strlen(name));
	case RECORD_TXT:
		r->data = spare;
		c.len = end;
		return take_strings(&c, spare, r);
	case RECORD_TLSA:
		memcpy(spare, c.data + c.at, len);
		r->data = spare;
		r->len = len;
		return 1;
	}
	return -1;
}

static int
read_record(struct cursor *c, enum record_type want, struct dns_message *m,
    uint8_t **spare)
{
	char owner[NAME_TEXT_MAX + 1];
	unsigned type, class, len;
	uint32_t ttl;
	if (take_name(c, owner) != 0 || take16(c, &type) != 0 ||
	    take16(c, &class) != 0 || take32(c, &ttl) != 0 ||
	    take16(c, &len) != 0 || c->len - c->at < len)
		return -1;
	struct cursor data = *c;
	c->at += len;
	if (type != (unsigned)want || class != CLASS_IN ||
	    m->n == DNS_RECORDS_MAX)
		return 0;
	struct dns_record *r = &m->records[m->n];
	int kept = read_data(data, c->at, want, r, *spare);
	if (kept < 0)
		return -1;
	memcpy(m->owner, owner, strlen(owner) + 1);
	*spare += r->len;
	m->n += kept > 0;
	m->left_out += kept == 0;
	ttl = ttl > INT32_MAX ? 0 : ttl;
	m->ttl = ttl < m->ttl ? ttl : m->ttl;
	return 0;
}

static int
read_message(struct cursor *c, enum record_type type, struct dns_message *m)
{
	char name[NAME_TEXT_MAX + 1];
	unsigned flags, questions, answers, word;
	c->at = 2;
	if (c->len < HEADER_OCTETS || take16(c, &flags) != 0 ||
	    take16(c, &questions) != 0 || take16(c, &answers) != 0)
		return -1;
	m->rcode = flags & 0xf;
	c->at = HEADER_OCTETS;
	for (unsigned i = 0; i < questions; i++)
		if (take_name(c, name) != 0 || take16(c, &word) != 0 ||
		    take16(c, &word) != 0)
			return -1;
	size_t most = answers < DNS_RECORDS_MAX ? answers : DNS_RECORDS_MAX;
	/* Behind the records: their octets, no more than the message has. */
	bool octets = type == RECORD_TXT || type == RECORD_TLSA;
	m->records =
	    alloc_zero(1, most * sizeof(*m->records) + (octets ? c->len : 0));
	uint8_t *spare = (uint8_t *)(m->records + most);
	for (unsigned i = 0; i < answers; i++)
		if (read_record(c, type, m, &spare) != 0)
			return -1;
	return 0;
}

int
dns_read(const uint8_t *data, size_t len, enum record_type type,
    struct dns_message *m)
{
	struct cursor c = {.data = data, .len = len};
	*m = (struct dns_message){.ttl = INT32_MAX};
	if (read_message(&c, type, m) != 0) {
		free(m->records);
		*m = (struct dns_message){0};
		return -1;
	}
	if (m->n == 0)
		m->ttl = 0;
	return 0;
}

enum answer_kind
dns_judge(const struct dns_message *m, const char **why)
{
	*why = NULL;
	if (m->rcode == RCODE_NXDOMAIN) {
		*why = "no such domain (NXDOMAIN)";
		return ANSWER_NXDOMAIN;
	}
	if (m->rcode != 0) {
		*why = "the server cannot answer";
		return ANSWER_FAIL;
	}
	if (m->n > 0)
		return ANSWER_OK;
	if (m->left_out > 0) {
		*why = "no record names a valid host";
		return ANSWER_FAIL;
	}
	*why = "no such record";
	return ANSWER_NODATA;
}

static bool
label_valid(const char *s, size_t len)
{
	if (len == 0 || len > LABEL_MAX || s[0] == '-' || s[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_name_char(s[i]))
			return false;
	return true;
}

bool
dns_name_valid(const char *s, size_t len)
{
	size_t start = 0;
	bool word = false; /* anything that no IPv4 address has */
	if (len == 0 || len > NAME_TEXT_MAX)
		return false;
	for (size_t i = 0; i <= len; i++) {
		if (i < len && s[i] != '.') {
			word |= s[i] < '0' || s[i] > '9';
			continue;
		}
		if (!label_valid(s + start, i - start))
			return false;
		start = i + 1;
	}
	return word;
}
