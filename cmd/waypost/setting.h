/* SPDX-License-Identifier: ISC */
/* What edits waypost.conf. */
#ifndef WAYPOST_SETTING_H
#define WAYPOST_SETTING_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "conf/conf_edit.h"
#include "edited.h"
#include "subcommand.h"

/* The file that is edited. */
const char *setting_file(const struct invocation *v);

/* Make the text the file, or show the change, if it is sound with all that
 * it names.  0, or an exit code and the cause is told. */
int setting_finish(
    struct edited *e, const struct buf *text, bool dry_run) MUST_CHECK;

#endif
