/* SPDX-License-Identifier: ISC */
/*
 * What no single key can tell: defaults that depend on other keys or on the
 * system, and keys that must agree with each other.  Not the place for the
 * range of one value (conf_keys.c).
 *
 * Invariant: what passes here cannot make an open relay that nobody asked
 * for, nor feed the drop directory back into the pickup directory.
 */
#include "conf/conf_read.h"

#include <confuse.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/conf_check.h"

static char *
join(const char *a, const char *b)
{
	size_t n = strlen(a) + strlen(b) + 1;
	char *s = alloc_zero(n, 1);
	(void)snprintf(s, n, "%s%s", a, b);
	return s;
}

static void
complete_hostname(struct conf *c, bool tell, bool lenient, struct faults *f)
{
	char name[HOST_NAME_MAX + 1] = "";
	if (c->hostname != NULL)
		return;
	if (gethostname(name, sizeof(name) - 1) != 0 ||
	    check_domain(name) != NULL)
		(void)snprintf(name, sizeof(name), "localhost");
	if (check_hostname(name) == NULL) {
		c->hostname = join(name, "");
		return;
	}
	if (tell)
		faults_add(f, c->path, 0,
		    "hostname is not set and this system's name, \"%s\", has "
		    "no dot: write hostname = \"%s.example.com\" with the real "
		    "domain",
		    name, name);
	if (lenient)
		c->hostname = join(name, ".localdomain");
}

void
conf_complete(struct conf *c, bool tell, bool lenient, struct faults *f)
{
	complete_hostname(c, tell, lenient, f);
	if (c->postmaster == NULL)
		c->postmaster = join("postmaster", "");
	if (c->pickup.directory == NULL)
		c->pickup.directory = join(c->spool, "/pickup");
	if (c->drop.directory == NULL)
		c->drop.directory = join(c->spool, "/drop");
}

/* The next component of a path, skipping "/" and "."; its length. */
static size_t
component(const char **p)
{
	for (;;) {
		*p += strspn(*p, "/");
		size_t len = strcspn(*p, "/");
		if (len != 1 || **p != '.')
			return len;
		*p += 1;
	}
}

static bool
same_path(const char *a, const char *b)
{
	for (;;) {
		size_t la = component(&a), lb = component(&b);
		if (la != lb || memcmp(a, b, la) != 0)
			return false;
		if (la == 0)
			return true;
		a += la;
		b += lb;
	}
}

static cfg_t *
section(cfg_t *root, const char *name, unsigned i)
{
	for (size_t k = 0; root->opts[k].name != NULL; k++)
		if (strcmp(root->opts[k].name, name) == 0)
			return i < root->opts[k].nvalues
				   ? root->opts[k].values[i]->section
				   : root;
	return root;
}

/* The section that a named struct came from. */
static cfg_t *
titled(cfg_t *root, const char *kind, const char *title)
{
	for (unsigned i = 0;; i++) {
		cfg_t *s = section(root, kind, i);
		if (s == root ||
		    strcmp(s->title, title != NULL ? title : "") == 0)
			return s;
	}
}

static void
agree_directories(const struct conf *c, cfg_t *root, struct faults *f)
{
	cfg_t *drop = section(root, "drop", 0);
	cfg_t *pickup = section(root, "pickup", 0);
	if (same_path(c->drop.directory, c->pickup.directory))
		faults_add(f, c->path, conf_line(drop, "directory"),
		    "drop.directory and pickup.directory are the same: "
		    "delivered mail would be picked up again");
	if (same_path(c->drop.directory, c->spool))
		faults_add(f, c->path, conf_line(drop, "directory"),
		    "drop.directory is the spool");
	if (same_path(c->pickup.directory, c->spool))
		faults_add(f, c->path, conf_line(pickup, "directory"),
		    "pickup.directory is the spool");
}

static void
agree_smarthost(const struct conf *c, const struct smarthost *h, cfg_t *cfg,
    struct faults *f)
{
	const char *why = check_session(&h->session);
	const char *name = h->name != NULL ? h->name : "";
	if (!conf_given(cfg, "hosts"))
		faults_add(f, c->path, conf_line(cfg, "hosts"),
		    "smarthost \"%s\" has no hosts", name);
	if (h->name == NULL && h->senders.n > 0)
		faults_add(f, c->path, conf_line(cfg, "senders"),
		    "smarthost.senders belongs into a section with a name, "
		    "smarthost \"...\" { }");
	if (h->name != NULL && !conf_given(cfg, "senders"))
		faults_add(f, c->path, conf_line(cfg, "senders"),
		    "smarthost \"%s\" has no senders", name);
	if (why != NULL)
		faults_add(f, c->path,
		    conf_line(
			cfg, h->session.user != NULL ? "user" : "secret-file"),
		    "smarthost \"%s\": %s", name, why);
}

static void
agree_listener(const struct conf *c, size_t i, cfg_t *cfg, struct faults *f)
{
	const struct listener *l = &c->listeners[i];
	bool own = l->certificate != NULL;
	if (!conf_given(cfg, "address"))
		faults_add(f, c->path, conf_line(cfg, "address"),
		    "listen \"%s\" has no address", l->name);
	for (size_t k = 0; k < i && l->address != NULL; k++)
		if (c->listeners[k].address != NULL &&
		    strcmp(c->listeners[k].address, l->address) == 0)
			faults_add(f, c->path, conf_line(cfg, "address"),
			    "listen \"%s\" has the address of listen \"%s\"",
			    l->name, c->listeners[k].name);
	if (l->require_tls && l->tls == LISTEN_PLAIN)
		faults_add(f, c->path, conf_line(cfg, "require-tls"),
		    "listen \"%s\": require-tls contradicts tls none", l->name);
	if (own != (l->key != NULL))
		faults_add(f, c->path,
		    conf_line(cfg, own ? "certificate" : "key"),
		    "listen \"%s\": certificate and key belong together",
		    l->name);
	if (l->tls == LISTEN_IMPLICIT && !own && c->tls.certificate == NULL)
		faults_add(f, c->path, conf_line(cfg, "tls"),
		    "listen \"%s\": tls implicit needs a certificate and a key",
		    l->name);
}

static void
agree_certificate(const struct conf *c, const struct certificate *own,
    cfg_t *cfg, struct faults *f)
{
	if (own->certificate == NULL || own->key == NULL)
		faults_add(f, c->path,
		    conf_line(cfg, own->key != NULL ? "key" : "certificate"),
		    "certificate \"%s\" needs a certificate and a key",
		    own->name);
}

static void
agree_dkim(const struct conf *c, const struct dkim_conf *d, cfg_t *cfg,
    struct faults *f)
{
	const char *name = d->domain != NULL ? d->domain : "";
	if (check_domain(name) != NULL)
		faults_add(f, c->path, conf_line(cfg, "selector"),
		    "dkim \"%.80s\": the name is no domain (write the A-labels "
		    "of one that is not ASCII)",
		    name);
	if (d->keys.n == 0 || d->keys.n != d->selectors.n)
		faults_add(f, c->path, conf_line(cfg, "key"),
		    "dkim \"%.80s\" needs as many selectors as keys, and at "
		    "least one",
		    name);
}

void
conf_agree(const struct conf *c, struct cfg_t *root, struct faults *f)
{
	if (c->relay.allow && !c->relay.open_relay)
		faults_add(f, c->path,
		    conf_line(section(root, "relay", 0), "default"),
		    "relay.default = allow makes an open relay: say so with "
		    "open-relay = true, or deny and list who may relay in "
		    "except");
	if ((c->tls.certificate != NULL) != (c->tls.key != NULL))
		faults_add(f, c->path,
		    conf_line(section(root, "tls", 0),
			c->tls.key != NULL ? "key" : "certificate"),
		    "tls.certificate and tls.key belong together");
	agree_directories(c, root, f);
	for (size_t i = 0; i < c->nsmarthosts; i++)
		agree_smarthost(c, &c->smarthosts[i],
		    titled(root, "smarthost", c->smarthosts[i].name), f);
	for (size_t i = 0; i < c->ndkim; i++)
		agree_dkim(
		    c, &c->dkim[i], titled(root, "dkim", c->dkim[i].domain), f);
	for (size_t i = 0; i < c->nlisteners; i++)
		agree_listener(c, i, section(root, "listen", (unsigned)i), f);
	for (size_t i = 0; i < c->ncertificates; i++)
		agree_certificate(c, &c->certificates[i],
		    section(root, "certificate", (unsigned)i), f);
}
