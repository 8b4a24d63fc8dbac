/* SPDX-License-Identifier: ISC */
/* The two halves of the sandbox: paths and ports, and system calls. */
#ifndef SMTPD_SANDBOX_INTERNAL_H
#define SMTPD_SANDBOX_INTERNAL_H

#include "base/attr.h"
#include "conf/conf.h"

/* Each: 0, also when the kernel has no such thing; -1, logged. */
int sandbox_limit_paths(const struct conf *c) MUST_CHECK;
int sandbox_limit_calls(void) MUST_CHECK;

#endif
