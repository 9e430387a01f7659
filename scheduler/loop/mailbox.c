/* The mailbox: a ring under a mutex and an eventfd. The lock is held for a few instructions, and wake-ups are coalesced: the eventfd is
 * written only by the post that finds the ring empty. At the rates of this house (tens of thousands a second) that is far from a bottleneck. */
#include "loop/loop.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct mailbox {
    pthread_mutex_t lock;
    void **ring;
    uint32_t capacity, first, count;
    int event;
    struct loop_fd *watch;
    void (*on_messages)(struct mailbox *mailbox, void *context);
    void *context;
};

struct mailbox *mailbox_new(uint32_t capacity)
{
    ASSERT(capacity > 0);
    struct mailbox *mailbox = mem_zalloc(1, sizeof *mailbox);
    mailbox->ring = mem_zalloc(capacity, sizeof *mailbox->ring);
    mailbox->capacity = capacity;
    pthread_mutex_init(&mailbox->lock, NULL);
    mailbox->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    ASSERT(mailbox->event >= 0);
    return mailbox;
}

void mailbox_free(struct mailbox *mailbox)
{
    if (!mailbox) return;
    ASSERT(mailbox->count == 0);
    loop_unwatch_mailbox(mailbox);
    close(mailbox->event);
    pthread_mutex_destroy(&mailbox->lock);
    free(mailbox->ring);
    free(mailbox);
}

static void ring_bell(struct mailbox *mailbox)
{
    uint64_t one = 1;
    ssize_t written = write(mailbox->event, &one, sizeof one);
    ASSERT(written == sizeof one || errno == EAGAIN); /* EAGAIN: it rings already */
}

bool mailbox_post(struct mailbox *mailbox, void *message)
{
    ASSERT(message);
    pthread_mutex_lock(&mailbox->lock);
    bool room = mailbox->count < mailbox->capacity, was_empty = mailbox->count == 0;
    if (room) mailbox->ring[(mailbox->first + mailbox->count++) % mailbox->capacity] = message;
    pthread_mutex_unlock(&mailbox->lock);
    if (room && was_empty) ring_bell(mailbox);
    return room;
}

void *mailbox_take(struct mailbox *mailbox)
{
    void *message = NULL;
    pthread_mutex_lock(&mailbox->lock);
    if (mailbox->count > 0) {
        message = mailbox->ring[mailbox->first];
        mailbox->first = (mailbox->first + 1) % mailbox->capacity;
        mailbox->count--;
    }
    pthread_mutex_unlock(&mailbox->lock);
    return message;
}

uint32_t mailbox_depth(struct mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->lock);
    uint32_t count = mailbox->count;
    pthread_mutex_unlock(&mailbox->lock);
    return count;
}

static void silence(struct mailbox *mailbox)
{
    uint64_t rung;
    ssize_t got = read(mailbox->event, &rung, sizeof rung);
    (void)got; /* EAGAIN: it did not ring */
}

void mailbox_wait(struct mailbox *mailbox, uint32_t timeout_ms)
{
    if (mailbox_depth(mailbox) > 0) return; /* the bell rings only for the first of them */
    struct pollfd bell = {.fd = mailbox->event, .events = POLLIN};
    int rc = poll(&bell, 1, (int)timeout_ms);
    if (rc > 0) silence(mailbox);
}

static void on_bell(void *context, int ready)
{
    (void)ready;
    struct mailbox *mailbox = context;
    silence(mailbox); /* before taking: a post that comes later rings again */
    mailbox->on_messages(mailbox, mailbox->context);
    if (mailbox->watch && mailbox_depth(mailbox) > 0) ring_bell(mailbox); /* what was left is not forgotten */
}

void loop_watch_mailbox(struct loop *loop, struct mailbox *mailbox, void (*on_messages)(struct mailbox *mailbox, void *context), void *context)
{
    ASSERT(!mailbox->watch);
    mailbox->on_messages = on_messages;
    mailbox->context = context;
    mailbox->watch = loop_fd_new(loop, mailbox->event, on_bell, mailbox);
    loop_fd_want(mailbox->watch, LOOP_READ);
    if (mailbox_depth(mailbox) > 0) ring_bell(mailbox);
}

void loop_unwatch_mailbox(struct mailbox *mailbox)
{
    loop_fd_free(mailbox->watch);
    mailbox->watch = NULL;
}
