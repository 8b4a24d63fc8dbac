/* SPDX-License-Identifier: ISC */
/*
 * The listener's parent process: binds, gives up its rights, starts the
 * workers, hands them sockets, and starts another when one dies.  It reads
 * no octet of any client.
 */
#ifndef SMTPD_PARENT_H
#define SMTPD_PARENT_H

#include <stdbool.h>

#include "base/attr.h"

struct parent_options {
	const char *conf_path;
};

/* Run until told to stop; an exit code of sysexits. */
int parent_run(const struct parent_options *o);

#endif
