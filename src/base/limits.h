/* SPDX-License-Identifier: ISC */
/* Every ceiling of the house that is not configuration, by name. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* RFC 5321 section 4.5.3.1, in octets. */
#define LOCAL_PART_MAX 64
#define DOMAIN_MAX 255
#define ADDRESS_MAX 254   /* a path is 256 with its angle brackets */
#define LINE_MAX_TEXT 998 /* RFC 5322 section 2.1.1, without CRLF */

#define HEADER_MAX (1024 * 1024)        /* a whole header section, octets */
#define HEADER_FIELDS_MAX 20000         /* fields in one header section */
#define RECIPIENTS_MAX 50000            /* in one message, after aliases */
#define ALIAS_DEPTH_MAX 32              /* nesting of aliases */
#define ENVELOPE_MAX (32 * 1024 * 1024) /* one envelope block, octets */
#define ENVID_MAX 100                   /* RFC 3461 section 4.4, xtext octets */
#define ORCPT_MAX 500                   /* RFC 3461 section 4.2 */

#define STATUS_TEXT_MAX 500 /* octets of a reply that are kept */
#define ENHANCED_MAX 11     /* "5.123.123" and some */

#define QUEUE_ID_MAX 31              /* batch id, dot, sequence number */
#define BATCH_MESSAGES_MAX 4096      /* messages in one batch file */
#define BATCH_BYTES_MAX (4ULL << 30) /* one batch file */
#define JOURNAL_LINE_MAX 2048

#define REPLY_LINE_MAX 2048 /* one line of an SMTP reply */
#define REPLY_LINES_MAX 100 /* lines of one SMTP reply */
#define CHUNK_SIZE 16384    /* one write to a connection */

#define CONF_FILE_MAX (1024 * 1024)
#define TABLE_FILE_MAX (256 * 1024 * 1024)
#define ALIAS_FILE_MAX (16 * 1024 * 1024)
#define SECRET_MAX 8192

/* A writer gives up long before recovery may remove its torn file (R4). */
#define WRITER_ALARM_SECONDS (60 * 60)
#define TORN_AGE_SECONDS (24 * 60 * 60)

#endif
