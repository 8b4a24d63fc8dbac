/* SPDX-License-Identifier: ISC */
/* Every ceiling of the house that is not configuration, by name. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* RFC 5321 section 4.5.3.1, in octets. */
#define LOCAL_PART_MAX 64
#define DOMAIN_MAX 255
#define LABEL_MAX 63      /* RFC 1035 section 2.3.4 */
#define ADDRESS_MAX 254   /* a path is 256 with its angle brackets */
#define LINE_MAX_TEXT 998 /* RFC 5322 section 2.1.1, without CRLF */

#define HEADER_MAX (1024 * 1024)        /* a whole header section, octets */
#define HEADER_GROWTH_MAX (64 * 1024)   /* by addresses completed in it */
#define HEADER_FIELDS_MAX 20000         /* fields in one header section */
#define MIME_DEPTH_MAX 50               /* containers in containers */
#define MIME_PIECES_MAX 30000           /* heads, bodies, glue: 10,000 parts */
#define RECIPIENTS_MAX 50000            /* in one message, after aliases */
#define ALIAS_DEPTH_MAX 32              /* nesting of aliases */
#define ENVELOPE_MAX (32 * 1024 * 1024) /* one envelope block, octets */
#define ENVID_MAX 100                   /* RFC 3461 section 4.4, xtext octets */
#define ORCPT_MAX 500                   /* RFC 3461 section 4.2 */

#define STATUS_TEXT_MAX 500 /* octets of a reply that are kept */
#define ENHANCED_MAX 11     /* "5.123.123" and some */

#define QUEUE_ID_MAX 31               /* batch id, dot, sequence number */
#define BATCH_MESSAGES_MAX 4096       /* messages in one batch file */
#define BATCH_BYTES_MAX (4ULL << 30)  /* one batch file */
#define TRANSCRIPT_MAX (1024 * 1024)  /* of one delivery, octets */
#define WATCH_MAX_MS (10 * 60 * 1000) /* sendmail waits for an outcome */
#define JOURNAL_LINE_MAX 2048
#define REMOTE_TEXT_MAX 319        /* "host[ip]:port" of a finding */
#define ATTEMPTS_KEPT 8            /* of a recipient, by a new journal */
#define ORDER_TARGETS_MAX 10000000 /* recipients in one order */
#define REMEMBER_IDS_MAX 1000000   /* batches in one list of remember.h */
#define REMEMBER_SECONDS (30 * 24 * 3600)

#define USER_TEXT_MAX 255 /* an authenticated name */

#define USERS_FILE_MAX (64 * 1024 * 1024)
#define PASSWORD_MAX 1024            /* octets */
#define SCRAM_ITERATIONS_MIN 4096    /* RFC 7677 section 4 */
#define SCRAM_ITERATIONS_MAX 1000000 /* a quarter of a second of work */
#define AUTH_RESPONSE_MAX 12288      /* RFC 4954 section 4, base64 octets */
#define AUTH_RESPONSES_MAX 4         /* lines of one AUTH exchange */
#define AUTH_HASHES_MAX 100          /* passwords waiting for the thread */

#define REPLY_LINE_MAX 2048       /* one line of an SMTP reply */
#define REPLY_LINES_MAX 100       /* lines of one SMTP reply */
#define CHUNK_SIZE 16384          /* one write to a connection */
#define SAID_MAX 8192             /* octets of a set-up that are shown */
#define SETUP_LINES_MAX 1000      /* reply lines until a session stands */
#define MULTI_CONNECTIONS_MAX 200 /* on one libcurl multi: it searches */

#define STS_POLICY_MAX (64 * 1024) /* octets of an MTA-STS policy */
#define STS_FETCH_MS (30 * 1000)   /* one fetch of a policy */

#define DNS_RECORDS_MAX 256        /* of one answer that are looked at */
#define DNS_QUESTIONS_MAX 128      /* with the servers at a time */
#define DNS_TIMEOUT_MS (20 * 1000) /* one question, however many servers */
#define MX_HOSTS_MAX 32            /* mail exchangers of one domain */
#define MX_ADDRESSES_MAX 8         /* of one of them and one IP version */
#define RESOLV_CONF_MAX (64 * 1024)
#define HOSTS_FILE_MAX (64 * 1024 * 1024)

#define CONF_FILE_MAX (1024 * 1024)
#define CONF_MEMORY_PER_OCTET 512 /* of a file, once libconfuse has read it */
#define CONF_MEMORY 1024          /* so many octets of a file are added */
#define TABLE_FILE_MAX (256 * 1024 * 1024)
#define ALIAS_FILE_MAX (16 * 1024 * 1024)
#define DKIM_KEY_FILE_MAX 16384
#define DKIM_SIGNATURE_MAX 2048 /* octets: RSA of 16384 bits */
#define SECRET_MAX 8192
#define CHILD_OUTPUT_MAX (2 * SECRET_MAX) /* what a command may print */
#define CHECK_HOSTS_MAX 20     /* of the domain table, asked by waypost check */
#define CHECK_ADDRESSES_MAX 16 /* of the host name, looked at by it */
#define FAULTS_MAX (64 * 1024) /* octets of faults that are told */
#define CONF_SECTIONS_MAX 256  /* those that have a name */

#define REPORT_ORIGINAL_MAX (100 * 1024) /* larger: headers only (K31) */
#define REPORT_RCPTS_MAX 1000            /* in one report; more make another */
#define REPORT_LISTED_MAX 50             /* of these, told in its human part */
#define PICKUP_HELD_MAX 1024             /* files remembered as left alone */
#define PICKUP_CLAIMS_MAX 64             /* claimed together */
#define PICKUP_LARGE_MAX 16              /* large ones claimed at a time */
#define PICKUP_USERS_MAX 4096            /* counted apart, see allowance.h */

/* What is to be done with a larger message is done beside the event loop. */
#define LARGE_MESSAGE (256 * 1024)

/* A writer gives up long before recovery may remove its torn file (R4). */
#define WRITER_ALARM_SECONDS (60 * 60)
#define TORN_AGE_SECONDS (24 * 60 * 60)

#endif
