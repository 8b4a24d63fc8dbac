/* SPDX-License-Identifier: ISC */
/*
 * Addresses from the command line.  The grammar is that of address lists in
 * a header, so that 'a@b, c@d' and '"x, y" <a@b>' mean what they say (A12);
 * but no octet of an argument may be a control, as folding has no place
 * here and a line end in an address is an attack (A06, A07).
 */
#include "sender.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "mail/header.h"
#include "submit/target.h"

#define FLAGS (ADDRESS_BARE | ADDRESS_UTF8)

/* C0, DEL, and C1 in UTF-8. */
static bool
has_control(const char *s)
{
	for (const unsigned char *p = (const unsigned char *)s; *p; p++)
		if (*p < ' ' || *p == 0x7f ||
		    (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f))
			return true;
	return false;
}

int
sender_parse(struct address *a, const char *text, const char **why)
{
	struct address_list list = {0};
	*a = (struct address){0};
	if (text[0] == '\0' || strcmp(text, "<>") == 0)
		return 0;
	if (has_control(text)) {
		*why = "a control octet in it";
		return -1;
	}
	int result = header_mailboxes(text, strlen(text), FLAGS, &list, why);
	if (result == 0 && list.n != 1) {
		*why = "it has to be one address";
		result = -1;
	}
	if (result == 0)
		*a = list.v[0];
	address_list_free(&list);
	return result;
}

/* Local users first, and without the name service switch: it would ask
 * daemons and load libraries for what stands in a file. */
static const struct passwd *
find_user(uid_t uid)
{
	FILE *f = fopen("/etc/passwd", "re");
	const struct passwd *pw = NULL;
	if (f != NULL) {
		while ((pw = fgetpwent(f)) != NULL && pw->pw_uid != uid)
			continue;
		(void)fclose(f);
	}
	return pw != NULL ? pw : getpwuid(uid);
}

void
sender_of_uid(struct address *a, uid_t uid)
{
	char name[32];
	const char *why;
	const struct passwd *pw = find_user(uid);
	if (pw != NULL &&
	    address_parse(a, pw->pw_name, strlen(pw->pw_name), FLAGS, &why) ==
		0 &&
	    address_is_bare(a))
		return;
	int n = snprintf(name, sizeof(name), "uid-%lu", (unsigned long)uid);
	if (address_parse(a, name, (size_t)n, FLAGS, &why) != 0)
		*a = (struct address){0};
}

int
operand_parse(struct address_list *out, const char *text, const char **why)
{
	size_t before = out->n;
	*why = has_control(text) ? "a control octet in it"
				 : target_special(text, strlen(text));
	if (*why != NULL)
		return -1;
	if (header_mailboxes(text, strlen(text), FLAGS, out, why) != 0)
		return -1;
	if (out->n > before)
		return 0;
	*why = "there is no address in it";
	return -1;
}
