/* SPDX-License-Identifier: ISC */
/* From an address to a maildir.  Opens nothing; asks only whether paths
 * exist. */
#include "conf/mailbox.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/domain_key.h"

int
maildir_path(struct buf *out, const char *template, size_t len,
    const char *domain, const char *user)
{
	for (size_t i = 0; i < len && template[i] != '\0'; i++) {
		char next = i + 1 < len ? template[i + 1] : '\0';
		if (template[i] != '%' ||
		    (next != 'd' && next != 'u' && next != '%')) {
			(void)buf_addc(out, template[i]);
			continue;
		}
		if (next == '%')
			(void)buf_addc(out, '%');
		else
			(void)buf_adds(out, next == 'd' ? domain : user);
		i++;
	}
	return buf_ok(out) ? 0 : -1;
}

/* The length of the template's part that holds the mailboxes: all before
 * the component with %u, or before the last one. */
static size_t
holder_len(const char *template)
{
	const char *user = strstr(template, "%u");
	size_t len =
	    user != NULL ? (size_t)(user - template) : strlen(template);
	while (len > 0 && template[len - 1] != '/')
		len--;
	return len;
}

static bool
component_safe(const char *s, size_t len)
{
	return len > 0 && s[0] != '.' && memchr(s, '/', len) == NULL &&
	       memchr(s, '\0', len) == NULL;
}

struct mailbox {
	char domain[DOMAIN_MAX + 1];
	char user[LOCAL_PART_MAX + 1];
};

/* Find the names to put into the template.  false: they are refused. */
static bool
mailbox_names(struct mailbox *m, const struct conf *c, const struct domain *d,
    const struct address *addr)
{
	const char *domain =
	    address_is_bare(addr) ? conf_origin(c) : address_domain(addr);
	const struct domain *entry =
	    table_find(c->table, domain, strlen(domain));
	if (entry != NULL && entry->kind == DOMAIN_ALIAS)
		domain = d->name;
	size_t len = domain_key(domain, strlen(domain), m->domain);
	return component_safe(m->domain, len) &&
	       component_safe(m->user, address_local(addr, m->user));
}

bool
mailbox_is_ours(const struct conf *c, const struct address *a)
{
	char domain[DOMAIN_MAX + 1];
	if (address_is_bare(a))
		return true;
	size_t len =
	    domain_key(address_domain(a), strlen(address_domain(a)), domain);
	if (strcasecmp(domain, conf_origin(c)) == 0 ||
	    (c->hostname != NULL && strcasecmp(domain, c->hostname) == 0))
		return true;
	return domain_is_local(table_find(c->table, domain, len));
}

const struct domain *
mailbox_domain(const struct conf *c, const struct address *rcpt)
{
	const char *domain = address_domain(rcpt);
	if (domain[0] == '\0')
		domain = conf_origin(c);
	const struct domain *d = table_find(c->table, domain, strlen(domain));
	if (d != NULL && d->kind == DOMAIN_ALIAS)
		d = table_default(c->table);
	return d;
}

int
mailbox_path(const struct conf *c, const struct domain *d,
    const struct address *rcpt, struct buf *out)
{
	struct mailbox m;
	if (!mailbox_names(&m, c, d, rcpt))
		return -1;
	return maildir_path(out, d->maildir, SIZE_MAX, m.domain, m.user);
}

static bool
exists(struct buf *path)
{
	return access(path->len > 0 ? path->data : ".", X_OK) == 0;
}

bool
mailbox_missing(
    const struct conf *c, const struct domain *d, const struct address *rcpt)
{
	struct mailbox m;
	struct stat st;
	struct buf path;
	bool missing = false;
	if (!mailbox_names(&m, c, d, rcpt))
		return true;
	buf_init(&path, PATH_MAX);
	if (maildir_path(&path, d->maildir, SIZE_MAX, m.domain, m.user) == 0 &&
	    stat(buf_str(&path), &st) != 0 && errno == ENOENT) {
		buf_clear(&path);
		missing = maildir_path(&path, d->maildir,
			      holder_len(d->maildir), m.domain, m.user) == 0 &&
			  exists(&path);
	}
	buf_free(&path);
	return missing;
}
