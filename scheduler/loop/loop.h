/** loop: libevent's only home: an event loop for one thread, its timers, signals, descriptors and listeners; and the mailbox, the only way in
 *  which threads talk to each other.
 *
 *  A loop and what is made on it belong to the thread that runs it; mailbox_post may be called from any thread. Callbacks run on the loop's
 *  thread and may stop or free what they belong to: it is reaped when the callback has returned. Spans are real milliseconds.
 */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include "base/base.h"

struct loop;
must_use struct loop *loop_new(void);
void loop_run(struct loop *loop);  /* until loop_stop */
void loop_stop(struct loop *loop); /* from the loop's thread */
void loop_free(struct loop *loop);

/* ---- timers: one shot; start again to re-arm ---- */

struct loop_timer;
must_use struct loop_timer *loop_timer_new(struct loop *loop, void (*on_timer)(void *context), void *context);
void loop_timer_start(struct loop_timer *timer, int64_t delay_ms); /* a running timer starts anew */
void loop_timer_stop(struct loop_timer *timer);
void loop_timer_free(struct loop_timer *timer); /* NULL is fine */

/* ---- signals ---- */

struct loop_signal;
must_use struct loop_signal *loop_signal_new(struct loop *loop, int number, void (*on_signal)(void *context), void *context);
void loop_signal_free(struct loop_signal *signal);

/* ---- descriptors: level-triggered ---- */

enum { LOOP_READ = 1, LOOP_WRITE = 2 };
struct loop_fd;
/** Watches nothing until loop_fd_want. Does not own the descriptor. */
must_use struct loop_fd *loop_fd_new(struct loop *loop, int fd, void (*on_ready)(void *context, int ready), void *context);
void loop_fd_want(struct loop_fd *fd, int wanted); /* LOOP_READ | LOOP_WRITE, or 0 */
void loop_fd_free(struct loop_fd *fd);

/* ---- listening on stream sockets ---- */

enum { LISTEN_ADDRESS_MAX = 128 };
struct loop_listener;
/** Address "127.0.0.1:7400", "[::1]:7400" (port 0: any free one) or "unix:/path" (a dead process's socket there is replaced;
 *  anything else is not: UNAVAILABLE). Accepted descriptors are non-blocking, close-on-exec, TCP_NODELAY,
 *  and belong to on_accept; `peer` is the peer's address as text. `reuse_port` lets several loops share one port. */
must_use enum status loop_listen(struct loop *loop, const char *address, bool reuse_port, void (*on_accept)(void *context, int fd, const char *peer),
                                 void *context, struct loop_listener **out, struct error *err);
/** The address it really has (with the port the system chose). */
const char *loop_listener_address(const struct loop_listener *listener);
/** Stop accepting for a while (out of descriptors, or at the cap), and go on. */
void loop_listener_pause(struct loop_listener *listener, bool paused);
void loop_listener_free(struct loop_listener *listener);

/* ---- mailbox: a bounded ring of messages, many producers, one consumer ---- */

struct mailbox;
must_use struct mailbox *mailbox_new(uint32_t capacity);
/** Must be empty (the messages are not ours to free), its producers must have ended, and it is not called from its own on_messages. */
void mailbox_free(struct mailbox *mailbox);
/** False when full: the caller keeps the message. */
must_use bool mailbox_post(struct mailbox *mailbox, void *message);
/** The oldest message, now the caller's; NULL when empty. Consumer only. */
void *mailbox_take(struct mailbox *mailbox);
/** A plain thread sleeps until something is there or the time is over. Consumer only. */
void mailbox_wait(struct mailbox *mailbox, uint32_t timeout_ms);
uint32_t mailbox_depth(struct mailbox *mailbox);
/** Call on_messages on the loop whenever something has come; it should take all there is. One watch a mailbox. */
void loop_watch_mailbox(struct loop *loop, struct mailbox *mailbox, void (*on_messages)(struct mailbox *mailbox, void *context), void *context);
void loop_unwatch_mailbox(struct mailbox *mailbox);

#endif
