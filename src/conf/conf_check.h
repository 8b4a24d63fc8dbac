/* SPDX-License-Identifier: ISC */
/*
 * What a single value must look like, and what a session needs as a whole.
 * Each check gives the reason why not, a sentence part to follow the value
 * ("has no dot"), or NULL.  Private to this room.
 */
#ifndef CONF_CONF_CHECK_H
#define CONF_CONF_CHECK_H

struct session_conf;

extern const char *const session_mechanisms[]; /* NULL ends */

const char *check_hostname(const char *s);
const char *check_helo(const char *s);
const char *check_domain(const char *s);
const char *check_address(const char *s);
const char *check_mailbox(const char *s);     /* user@domain */
const char *check_user(const char *s);        /* a local part alone */
const char *check_replacement(const char *s); /* user[@domain]=user@domain */
const char *check_sender(const char *s); /* user@domain, domain, *.domain */
const char *check_path(const char *s);
const char *check_host(const char *s);   /* host_spec_parse() */
const char *check_listen(const char *s); /* ip:port, [ip6]:port, /path */
const char *check_block(const char *s);  /* address or CIDR */
const char *check_client(const char *s); /* the same, or .domain */
const char *check_ip(const char *s);
const char *check_server(const char *s); /* ip or ip@port */

/* user and secrets, certificate and key, implicit and none: the reason
 * why they do not go together, a whole sentence; or NULL. */
const char *check_session(const struct session_conf *s);

#endif
