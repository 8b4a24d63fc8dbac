/* SPDX-License-Identifier: ISC */
/*
 * newaliases: there is no database to build, the file is read with each
 * message.  So this checks it and counts.
 */
#include "jobs.h"

#include <stdio.h>
#include <sysexits.h>

#include "submit/alias.h"
#include "tell.h"

int
newaliases_run(const struct options *o, const struct conf *c)
{
	struct faults f;
	faults_init(&f);
	struct alias *a = alias_load(c->aliases, &f);
	tell_faults(o->program, &f);
	printf(
	    "%s: %zu aliases, %u faults\n", c->aliases, alias_size(a), f.count);
	int code = f.count == 0 ? EX_OK : EX_CONFIG;
	if (fflush(stdout) != 0 && code == EX_OK)
		code = EX_IOERR;
	alias_free(a);
	faults_free(&f);
	return code;
}
