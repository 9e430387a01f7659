/* Guests on the calls' loop: HTTP/1.1 around an exchange. Nothing is read while the call wants nothing, nothing is taken from the call while the peer
 * reads nothing, and a peer that leaves ends its call. */
#include "gate.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { OUT_CAP = 2 * 1024 * 1024, METRICS_MAX = 1024 * 1024, SWEEP_MS = 1000 };

struct visit {
    struct gate *gate;
    struct guest *guest;
    struct visit *before, *after;
    struct loop_fd *watch;
    struct loop_timer *turn;        /* the call has something to say: looked at when its handler has returned */
    struct rpc_exchange *exchange;  /* NULL: the figures */
    struct http_body body;
    struct text_reader reader;
    struct http_text cors;
    char origin[POLICY_NAME_MAX];
    bool text, is_1_1, keep_alive;
    bool head_sent, half_closed, ended; /* ended: `out` holds the answer's last bytes */
    bool bad;                       /* the request can't be read on */
    struct buffer out;
    size_t out_at;
    int64_t moved_ms;               /* when the peer took something last */
};

struct gate {
    struct gate_options options;
    struct mailbox *inbox;
    struct visit *visits;
    struct loop_timer *sweep;
};

static int64_t now_ms(void)
{
    return clock_boot_us() / 1000;
}

/* ---- coming and going ---- */

static void leave(struct visit *visit, bool gone)
{
    struct gate *gate = visit->gate;
    struct guest *guest = visit->guest;
    rpc_exchange_free(visit->exchange);
    loop_fd_free(visit->watch);
    loop_timer_free(visit->turn);
    buffer_deinit(&visit->out);
    if (visit->before) visit->before->after = visit->after;
    else gate->visits = visit->after;
    if (visit->after) visit->after->before = visit->before;
    guest->keep_alive = visit->keep_alive && http_body_is_done(&visit->body) && !visit->bad;
    free(visit);
    if (gone) {
        close(guest->fd);
        guest->fd = -1;
    }
    bool posted = mailbox_post(gate->options.back, guest);
    ASSERT(posted);
}

static void forget_read(struct guest *guest, uint32_t size)
{
    guest->in_size -= size;
    memmove(guest->in, guest->in + size, guest->in_size);
}

/* ---- the request ---- */

/* Fields that are about this connection, not about the call. */
static bool is_of_connection(struct http_text name)
{
    static const char *const NAMES[] = {"connection", "keep-alive", "host", "content-length", "transfer-encoding", "te", "trailer", "upgrade", "expect",
                                        "content-type", "accept-encoding", "accept", "cookie", "origin", "referer"};
    for (size_t i = 0; i < COUNT_OF(NAMES); i++)
        if (http_is(name, NAMES[i])) return true;
    return name.size > 4 && http_is((struct http_text){name.at, 4}, "sec-");
}

static void on_output(void *context)
{
    struct visit *visit = context;
    loop_timer_start(visit->turn, 0);
}

static void open_call(struct visit *visit, const struct http_request *request)
{
    enum { NAME_MAX_BYTES = 128 };
    const struct guest *guest = visit->guest;
    char path[HTTP_TARGET_MAX + 1], name[NAME_MAX_BYTES];
    memcpy(path, request->path.at, request->path.size);
    path[request->path.size] = 0;
    visit->exchange = rpc_exchange_new(visit->gate->options.calls, path, guest->peer, on_output, visit);
    struct http_text field, value;
    for (uint32_t at = request->fields; http_field_next(guest->in, request, &at, &field, &value);) {
        if (is_of_connection(field) || field.size > sizeof name) continue;
        for (uint32_t i = 0; i < field.size; i++) name[i] = field.at[i] >= 'A' && field.at[i] <= 'Z' ? (char)(field.at[i] + 32) : field.at[i];
        rpc_exchange_header(visit->exchange, name, field.size, value.at, value.size);
    }
    rpc_exchange_open(visit->exchange);
}

static void feed(struct visit *visit, struct http_text piece)
{
    if (!visit->text) {
        if (piece.size > 0) rpc_exchange_feed(visit->exchange, (const uint8_t *)piece.at, piece.size);
        return;
    }
    while (piece.size > 0 && !visit->reader.bad) {
        uint8_t bytes[TEXT_PIECE_MAX];
        uint32_t count, used = text_read(&visit->reader, piece.at, piece.size, bytes, &count);
        if (count > 0) rpc_exchange_feed(visit->exchange, bytes, count);
        piece = (struct http_text){piece.at + used, piece.size - used};
    }
    visit->bad |= visit->reader.bad;
}

/* What has been read goes to the call, as far as it wants it. True: something moved. */
static bool read_body(struct visit *visit)
{
    struct guest *guest = visit->guest;
    uint32_t at = 0;
    if (!visit->exchange || visit->half_closed) return false;
    while (at < guest->in_size && !http_body_is_done(&visit->body) && !visit->bad && (rpc_exchange_wants(visit->exchange) || rpc_exchange_is_over(visit->exchange))) {
        struct http_text piece;
        at += http_body_read(&visit->body, guest->in + at, guest->in_size - at, &piece);
        feed(visit, piece);
        visit->bad |= http_body_is_bad(&visit->body);
    }
    forget_read(guest, at);
    if (!http_body_is_done(&visit->body) || visit->bad) return at > 0;
    visit->half_closed = true;
    visit->bad |= visit->text && !text_is_whole(&visit->reader);
    if (!visit->bad) rpc_exchange_half_close(visit->exchange);
    return true;
}

/* ---- the answer ---- */

/* The head, and the lines of `more` in it. */
static void append_head(struct visit *visit, const struct http_answer *answer, uint64_t size, const struct buffer *more)
{
    char head[HTTP_ANSWER_MAX];
    uint32_t length = http_answer_write(answer, size, visit->keep_alive, clock_real_ms(), head);
    buffer_append(&visit->out, head, length - 2); /* its empty line comes last */
    if (more) buffer_append(&visit->out, more->data, more->size);
    buffer_append(&visit->out, "\r\n", 2);
}

static void append_call_head(struct visit *visit)
{
    struct buffer lines;
    buffer_init(&lines, OUT_CAP / 2);
    if (!rpc_exchange_head(visit->exchange, &lines)) return;
    struct http_answer answer = {.status = 200, .framing = visit->is_1_1 ? HTTP_CHUNKED : HTTP_UNTIL_CLOSE, .cache_control = "no-store", .cors = visit->cors,
                                 .content_type = visit->text ? "application/grpc-web-text+proto" : "application/grpc-web+proto"};
    append_head(visit, &answer, 0, &lines);
    buffer_deinit(&lines);
    visit->head_sent = true;
}

static void append_piece(struct visit *visit, const uint8_t *bytes, uint32_t size)
{
    if (visit->is_1_1) buffer_printf(&visit->out, "%x\r\n", size);
    buffer_append(&visit->out, bytes, size);
    if (visit->is_1_1) buffer_append(&visit->out, "\r\n", 2);
}

/* The call's next bytes into `out`, which is empty. True: there were any. */
static bool fill_from_call(struct visit *visit)
{
    static _Thread_local uint8_t plain[GATE_OUT_BYTES], text[4 * ((GATE_OUT_BYTES + 2) / 3)];
    if (!visit->head_sent) append_call_head(visit);
    if (!visit->head_sent) return false;
    uint32_t count = (uint32_t)rpc_exchange_take(visit->exchange, plain, sizeof plain);
    if (count > 0 && visit->text) append_piece(visit, text, text_write(plain, count, text));
    else if (count > 0) append_piece(visit, plain, count);
    if (rpc_exchange_is_over(visit->exchange) && !rpc_exchange_is_broken(visit->exchange)) {
        if (visit->is_1_1) buffer_append(&visit->out, "0\r\n\r\n", 5);
        visit->ended = true;
    }
    return visit->out.size > 0;
}

/* The figures: they are made once, and sent whole. */
static void write_figures(struct visit *visit)
{
    struct buffer text;
    struct http_answer answer = {.status = 200, .content_type = "text/plain; version=0.0.4; charset=utf-8", .cache_control = "no-store", .cors = visit->cors};
    buffer_init(&text, METRICS_MAX);
    visit->gate->options.metrics(&text, visit->gate->options.metrics_context);
    append_head(visit, &answer, text.size, NULL);
    buffer_append(&visit->out, text.data, text.size);
    buffer_deinit(&text);
    visit->ended = true;
}

static void refuse_body(struct visit *visit)
{
    struct http_answer answer = {.status = 400, .cors = visit->cors};
    rpc_exchange_free(visit->exchange);
    visit->exchange = NULL;
    visit->keep_alive = false;
    append_head(visit, &answer, 0, NULL);
    visit->ended = true;
}

enum sending { SENDING_DONE, SENDING_WAITS, SENDING_BROKEN };

static enum sending send_out(struct visit *visit)
{
    while (visit->out_at < visit->out.size) {
        ssize_t sent = send(visit->guest->fd, visit->out.data + visit->out_at, visit->out.size - visit->out_at, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? SENDING_WAITS : SENDING_BROKEN;
        visit->out_at += (size_t)sent;
        visit->moved_ms = now_ms();
    }
    buffer_clear(&visit->out);
    visit->out_at = 0;
    return SENDING_DONE;
}

/* ---- a turn ---- */

static void settle_wants(struct visit *visit)
{
    /* after the request we read on only to see the peer leave; what else comes is the next request's, until `in` is full */
    bool room = visit->guest->in_size < sizeof visit->guest->in;
    bool reads = room && (!visit->exchange || visit->half_closed || rpc_exchange_wants(visit->exchange));
    loop_fd_want(visit->watch, (reads ? LOOP_READ : 0) | (visit->out.size > 0 ? LOOP_WRITE : 0));
}

/* Move what can be moved, both ways. The visit may be over afterwards. */
static void go_on(struct visit *visit)
{
    for (int round = 0; round < GATE_ROUNDS_A_TURN; round++) {
        bool moved = read_body(visit);
        if (visit->bad && !visit->head_sent && visit->exchange) refuse_body(visit);
        if (visit->bad && visit->head_sent) return leave(visit, true);
        if (visit->exchange && rpc_exchange_is_broken(visit->exchange)) return leave(visit, true);
        if (visit->out.size == 0 && !visit->ended) moved |= fill_from_call(visit);
        enum sending sending = send_out(visit);
        if (sending == SENDING_BROKEN) return leave(visit, true);
        if (sending == SENDING_DONE && visit->ended) return leave(visit, false);
        if (!moved || sending == SENDING_WAITS) return settle_wants(visit);
    }
    settle_wants(visit);
    loop_timer_start(visit->turn, 0);
}

static void on_turn(void *context)
{
    go_on(context);
}

static void on_ready(void *context, int ready)
{
    struct visit *visit = context;
    struct guest *guest = visit->guest;
    if (ready == LOOP_READ && guest->in_size < sizeof guest->in) {
        ssize_t got = recv(guest->fd, guest->in + guest->in_size, sizeof guest->in - guest->in_size, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got <= 0) return leave(visit, true); /* a browser that has closed its tab: nobody waits for the answer */
        guest->in_size += (uint32_t)got;
    }
    go_on(visit);
}

static void keep_origin(struct visit *visit, const struct http_request *request)
{
    if (policy_judge(visit->gate->options.policy, request) != POLICY_LISTED) return;
    visit->cors = (struct http_text){visit->origin, request->origin.size}; /* shorter than POLICY_NAME_MAX, being in the list */
    memcpy(visit->origin, request->origin.at, request->origin.size);
}

static void begin(struct gate *gate, struct guest *guest)
{
    struct http_request request;
    int read = http_request_read(guest->in, guest->in_size, &request); /* again: a request points into `in` */
    ASSERT(read == HTTP_READ);
    struct visit *visit = mem_zalloc(1, sizeof *visit);
    visit->gate = gate;
    visit->guest = guest;
    visit->is_1_1 = request.is_1_1;
    visit->keep_alive = request.keep_alive && request.is_1_1;
    visit->text = http_is_web_text(request.content_type);
    visit->moved_ms = now_ms();
    visit->after = gate->visits;
    if (gate->visits) gate->visits->before = visit;
    gate->visits = visit;
    buffer_init(&visit->out, OUT_CAP);
    visit->watch = loop_fd_new(gate->options.loop, guest->fd, on_ready, visit);
    visit->turn = loop_timer_new(gate->options.loop, on_turn, visit);
    http_body_begin(&visit->body, &request);
    keep_origin(visit, &request);
    if (request.method == HTTP_POST) open_call(visit, &request);
    else write_figures(visit);
    forget_read(guest, request.size);
    if (request.expects_continue && !http_body_is_done(&visit->body) && guest->in_size == 0) buffer_printf(&visit->out, "HTTP/1.1 100 Continue\r\n\r\n");
    go_on(visit);
}

static void on_guests(struct mailbox *mailbox, void *context)
{
    struct guest *guest;
    while ((guest = mailbox_take(mailbox)) != NULL) begin(context, guest);
}

static void on_sweep(void *context)
{
    struct gate *gate = context;
    int64_t now = now_ms();
    for (struct visit *visit = gate->visits, *after; visit; visit = after) {
        after = visit->after;
        if (visit->out.size > 0 && now - visit->moved_ms > GATE_STALL_MS) leave(visit, true);
    }
    loop_timer_start(gate->sweep, SWEEP_MS);
}

/* ---- the gate ---- */

struct gate *gate_new(const struct gate_options *options)
{
    struct gate *gate = mem_zalloc(1, sizeof *gate);
    gate->options = *options;
    gate->inbox = mailbox_new(options->guests_max);
    gate->sweep = loop_timer_new(options->loop, on_sweep, gate);
    loop_timer_start(gate->sweep, SWEEP_MS);
    loop_watch_mailbox(options->loop, gate->inbox, on_guests, gate);
    return gate;
}

void gate_post(struct gate *gate, struct guest *guest)
{
    bool posted = mailbox_post(gate->inbox, guest);
    ASSERT(posted);
}

void gate_free(struct gate *gate)
{
    if (!gate) return;
    while (gate->visits) leave(gate->visits, true);
    struct guest *guest;
    while ((guest = mailbox_take(gate->inbox)) != NULL) {
        close(guest->fd);
        guest->fd = -1;
        bool posted = mailbox_post(gate->options.back, guest);
        ASSERT(posted);
    }
    loop_timer_free(gate->sweep);
    mailbox_free(gate->inbox);
    free(gate);
}
