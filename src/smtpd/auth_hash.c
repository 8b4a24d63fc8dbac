/* SPDX-License-Identifier: ISC */
/*
 * A thread that checks passwords (RFC 5802 section 3: StoredKey), one after
 * the other, and an eventfd by which it tells the event loop.  It knows
 * neither users nor sessions: for an unknown user it is given a verifier
 * that nothing matches, and works as long (F14).
 *
 * Invariant: a job is in one list or with the thread, and only the event
 * loop frees it; its password is wiped as soon as it was hashed (F15).
 */
#include "smtpd/auth_hash.h"

#include <errno.h>
#include <event2/event.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"

enum place { WAITING, WITH_THREAD, FINISHED };

struct hash_job {
	TAILQ_ENTRY(hash_job) link;
	struct auth_hash *owner;
	enum place place;
	hash_fn fn; /* NULL: cancelled; only the event loop looks at it */
	void *arg;
	unsigned iterations;
	unsigned char salt[SCRAM_SALT_MAX], stored_key[SCRAM_KEY_LEN];
	size_t salt_len;
	bool match;
	size_t len;
	char password[PASSWORD_MAX];
};

TAILQ_HEAD(job_list, hash_job);

struct auth_hash {
	pthread_t thread;
	pthread_mutex_t lock; /* for what follows, up to stop */
	pthread_cond_t work;
	struct job_list waiting, finished;
	unsigned nwaiting;
	bool stop;
	int fd;
	struct event *event;
};

static void
job_free(struct hash_job *j)
{
	OPENSSL_cleanse(j, sizeof(*j));
	free(j);
}

/* Anything that fails is no match. */
static bool
matches(const struct hash_job *j)
{
	static const char text[] = "Client Key";
	unsigned char salted[SCRAM_KEY_LEN], client[SCRAM_KEY_LEN];
	unsigned char stored[SCRAM_KEY_LEN] = {0};
	unsigned int n = sizeof(client);
	bool hashed = PKCS5_PBKDF2_HMAC(j->password, (int)j->len, j->salt,
			  (int)j->salt_len, (int)j->iterations, EVP_sha256(),
			  sizeof(salted), salted) == 1 &&
		      HMAC(EVP_sha256(), salted, sizeof(salted),
			  (const unsigned char *)text, sizeof(text) - 1, client,
			  &n) != NULL &&
		      SHA256(client, sizeof(client), stored) != NULL;
	bool equal = CRYPTO_memcmp(stored, j->stored_key, sizeof(stored)) == 0;
	OPENSSL_cleanse(salted, sizeof(salted));
	OPENSSL_cleanse(client, sizeof(client));
	OPENSSL_cleanse(stored, sizeof(stored));
	return hashed && equal;
}

/* With the lock held: the next job, or NULL when it is time to stop. */
static struct hash_job *
next_job(struct auth_hash *h)
{
	while (!h->stop && TAILQ_EMPTY(&h->waiting))
		(void)pthread_cond_wait(&h->work, &h->lock);
	if (h->stop)
		return NULL;
	struct hash_job *j = TAILQ_FIRST(&h->waiting);
	TAILQ_REMOVE(&h->waiting, j, link);
	h->nwaiting--;
	j->place = WITH_THREAD;
	return j;
}

static void *
run(void *arg)
{
	struct auth_hash *h = arg;
	struct hash_job *j;
	(void)pthread_mutex_lock(&h->lock);
	while ((j = next_job(h)) != NULL) {
		(void)pthread_mutex_unlock(&h->lock);
		j->match = matches(j);
		OPENSSL_cleanse(j->password, sizeof(j->password));
		(void)pthread_mutex_lock(&h->lock);
		j->place = FINISHED;
		TAILQ_INSERT_TAIL(&h->finished, j, link);
		/* Fails only when 2^64 - 2 of them were not read. */
		(void)eventfd_write(h->fd, 1);
	}
	(void)pthread_mutex_unlock(&h->lock);
	return NULL;
}

static struct hash_job *
take_finished(struct auth_hash *h)
{
	(void)pthread_mutex_lock(&h->lock);
	struct hash_job *j = TAILQ_FIRST(&h->finished);
	if (j != NULL)
		TAILQ_REMOVE(&h->finished, j, link);
	(void)pthread_mutex_unlock(&h->lock);
	return j;
}

/* One by one: what is called may cancel others. */
static void
on_finished(evutil_socket_t fd, short what, void *arg)
{
	struct auth_hash *h = arg;
	struct hash_job *j;
	eventfd_t n;
	(void)what;
	(void)eventfd_read(fd, &n);
	while ((j = take_finished(h)) != NULL) {
		hash_fn fn = j->fn;
		void *fn_arg = j->arg;
		bool match = j->match;
		job_free(j);
		if (fn != NULL)
			fn(fn_arg, match);
	}
}

/* Signals are the event loop's. */
static void
start_thread(struct auth_hash *h)
{
	sigset_t all, before;
	(void)sigfillset(&all);
	if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
		die("cannot block signals");
	int error = pthread_create(&h->thread, NULL, run, h);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0)
		die("cannot start a thread: %s", strerror(error));
}

struct auth_hash *
auth_hash_new(struct event_base *base)
{
	struct auth_hash *h = alloc_zero(1, sizeof(*h));
	TAILQ_INIT(&h->waiting);
	TAILQ_INIT(&h->finished);
	h->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (h->fd < 0)
		die("eventfd: %s", strerror(errno));
	h->event = event_new(base, h->fd, EV_READ | EV_PERSIST, on_finished, h);
	if (h->event == NULL || event_add(h->event, NULL) != 0 ||
	    pthread_mutex_init(&h->lock, NULL) != 0 ||
	    pthread_cond_init(&h->work, NULL) != 0)
		die("out of memory");
	start_thread(h);
	return h;
}

static void
free_list(struct job_list *list)
{
	struct hash_job *j;
	while ((j = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, j, link);
		job_free(j);
	}
}

void
auth_hash_free(struct auth_hash *h)
{
	if (h == NULL)
		return;
	(void)pthread_mutex_lock(&h->lock);
	h->stop = true;
	(void)pthread_cond_signal(&h->work);
	(void)pthread_mutex_unlock(&h->lock);
	(void)pthread_join(h->thread, NULL);
	free_list(&h->waiting);
	free_list(&h->finished);
	(void)pthread_cond_destroy(&h->work);
	(void)pthread_mutex_destroy(&h->lock);
	event_free(h->event);
	(void)close(h->fd);
	free(h);
}

struct hash_job *
auth_hash_start(struct auth_hash *h, const struct verifier *v,
    const char *password, size_t len, hash_fn fn, void *arg)
{
	struct hash_job *j = NULL;
	(void)pthread_mutex_lock(&h->lock);
	if (h->nwaiting < AUTH_HASHES_MAX && len <= PASSWORD_MAX) {
		j = alloc_zero(1, sizeof(*j));
		j->owner = h;
		j->fn = fn;
		j->arg = arg;
		j->iterations = v->iterations;
		j->salt_len = v->salt_len;
		memcpy(j->salt, v->salt, v->salt_len);
		memcpy(j->stored_key, v->stored_key, sizeof(j->stored_key));
		j->len = len;
		memcpy(j->password, password, len);
		TAILQ_INSERT_TAIL(&h->waiting, j, link);
		h->nwaiting++;
		(void)pthread_cond_signal(&h->work);
	}
	(void)pthread_mutex_unlock(&h->lock);
	return j;
}

void
auth_hash_cancel(struct hash_job *j)
{
	struct auth_hash *h = j->owner;
	(void)pthread_mutex_lock(&h->lock);
	enum place place = j->place;
	j->fn = NULL;
	if (place == WAITING) {
		TAILQ_REMOVE(&h->waiting, j, link);
		h->nwaiting--;
	} else if (place == FINISHED) {
		TAILQ_REMOVE(&h->finished, j, link);
	}
	(void)pthread_mutex_unlock(&h->lock);
	/* The thread's own comes back by way of the finished ones. */
	if (place != WITH_THREAD)
		job_free(j);
}
