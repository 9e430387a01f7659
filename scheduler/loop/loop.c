/* The loop, its timers, signals and descriptors, on libevent. */
#include "loop/loop.h"

#include <event2/event.h>
#include <stdlib.h>

struct loop {
    struct event_base *base;
};

struct loop *loop_new(void)
{
    struct loop *loop = mem_zalloc(1, sizeof *loop);
    loop->base = event_base_new();
    ASSERT(loop->base);
    return loop;
}

void loop_run(struct loop *loop)
{
    event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
}

void loop_stop(struct loop *loop)
{
    event_base_loopbreak(loop->base);
}

void loop_free(struct loop *loop)
{
    if (!loop) return;
    event_base_free(loop->base);
    free(loop);
}

/* ---- timers ---- */

struct loop_timer {
    struct event *event;
    void (*on_timer)(void *context);
    void *context;
};

static void timer_fired(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct loop_timer *timer = context;
    timer->on_timer(timer->context);
}

struct loop_timer *loop_timer_new(struct loop *loop, void (*on_timer)(void *context), void *context)
{
    struct loop_timer *timer = mem_zalloc(1, sizeof *timer);
    timer->on_timer = on_timer;
    timer->context = context;
    timer->event = event_new(loop->base, -1, 0, timer_fired, timer);
    ASSERT(timer->event);
    return timer;
}

void loop_timer_start(struct loop_timer *timer, int64_t delay_ms)
{
    if (delay_ms < 0) delay_ms = 0;
    struct timeval span = {(time_t)(delay_ms / 1000), (suseconds_t)(delay_ms % 1000) * 1000};
    int rc = event_add(timer->event, &span);
    ASSERT(rc == 0);
}

void loop_timer_stop(struct loop_timer *timer)
{
    event_del(timer->event);
}

void loop_timer_free(struct loop_timer *timer)
{
    if (!timer) return;
    event_free(timer->event);
    free(timer);
}

/* ---- signals ---- */

struct loop_signal {
    struct event *event;
    void (*on_signal)(void *context);
    void *context;
};

static void signal_came(evutil_socket_t number, short what, void *context)
{
    (void)number;
    (void)what;
    struct loop_signal *signal = context;
    signal->on_signal(signal->context);
}

struct loop_signal *loop_signal_new(struct loop *loop, int number, void (*on_signal)(void *context), void *context)
{
    struct loop_signal *signal = mem_zalloc(1, sizeof *signal);
    signal->on_signal = on_signal;
    signal->context = context;
    signal->event = evsignal_new(loop->base, number, signal_came, signal);
    ASSERT(signal->event);
    int rc = event_add(signal->event, NULL);
    ASSERT(rc == 0);
    return signal;
}

void loop_signal_free(struct loop_signal *signal)
{
    if (!signal) return;
    event_free(signal->event);
    free(signal);
}

/* ---- descriptors ---- */

struct loop_fd {
    struct event *read, *write;
    void (*on_ready)(void *context, int ready);
    void *context;
    int wanted;
};

static void fd_ready(evutil_socket_t number, short what, void *context)
{
    (void)number;
    struct loop_fd *fd = context;
    fd->on_ready(fd->context, what & EV_READ ? LOOP_READ : LOOP_WRITE);
}

struct loop_fd *loop_fd_new(struct loop *loop, int number, void (*on_ready)(void *context, int ready), void *context)
{
    struct loop_fd *fd = mem_zalloc(1, sizeof *fd);
    fd->on_ready = on_ready;
    fd->context = context;
    fd->read = event_new(loop->base, number, EV_READ | EV_PERSIST, fd_ready, fd);
    fd->write = event_new(loop->base, number, EV_WRITE | EV_PERSIST, fd_ready, fd);
    ASSERT(fd->read && fd->write);
    return fd;
}

static void want_one(struct event *event, bool wanted, bool had)
{
    if (wanted && !had) event_add(event, NULL);
    if (!wanted && had) event_del(event);
}

void loop_fd_want(struct loop_fd *fd, int wanted)
{
    want_one(fd->read, wanted & LOOP_READ, fd->wanted & LOOP_READ);
    want_one(fd->write, wanted & LOOP_WRITE, fd->wanted & LOOP_WRITE);
    fd->wanted = wanted;
}

void loop_fd_free(struct loop_fd *fd)
{
    if (!fd) return;
    event_free(fd->read);
    event_free(fd->write);
    free(fd);
}
