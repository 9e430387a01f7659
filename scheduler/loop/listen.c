/* Listening sockets: one address grammar for IPv4, IPv6 and Unix. */
#include "loop/loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { ACCEPTS_A_TURN = 4, /* each costs its owner a first write: those who are connected wait that long */
       BACKLOG = 1024, DESCRIPTORS_WAIT_MS = 100 };

struct loop_listener {
    int fd;
    bool is_unix, paused;
    struct loop_fd *watch;
    struct loop_timer *breath; /* out of descriptors: a pause, else the waiting connection would wake us without end */
    void (*on_accept)(void *context, int fd, const char *peer);
    void *context;
    char address[LISTEN_ADDRESS_MAX];
};

static enum status parse(const char *text, struct sockaddr_storage *out, socklen_t *size, struct error *err)
{
    memset(out, 0, sizeof *out);
    if (strncmp(text, "unix:", 5) == 0) {
        struct sockaddr_un *at = (struct sockaddr_un *)(void *)out;
        at->sun_family = AF_UNIX;
        if (!text[5]) return error_field(err, "listen", "must be unix:/PATH: a socket without a name would be nobody's to find");
        if (!text_copy(at->sun_path, sizeof at->sun_path, text + 5)) return error_field(err, "listen", "has a socket path of more than %zu bytes", sizeof at->sun_path - 1);
        *size = sizeof *at;
        return STATUS_OK;
    }
    const char *colon = strrchr(text, ':');
    int64_t port;
    char host[64];
    if (!colon || !text_to_i64(colon + 1, 0, 65535, &port)) return error_field(err, "listen", "must be HOST:PORT, [IPV6]:PORT or unix:/PATH, is '%s'", text);
    bool bracketed = text[0] == '[' && colon > text && colon[-1] == ']';
    size_t length = (size_t)(colon - text) - (bracketed ? 2 : 0);
    if (length >= sizeof host) return error_field(err, "listen", "has a host of more than %zu bytes", sizeof host - 1);
    memcpy(host, text + (bracketed ? 1 : 0), length);
    host[length] = 0;
    struct sockaddr_in *four = (struct sockaddr_in *)(void *)out;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)out;
    if (!bracketed && inet_pton(AF_INET, host, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)port);
        *size = sizeof *four;
    } else if (bracketed && inet_pton(AF_INET6, host, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons((uint16_t)port);
        *size = sizeof *six;
    } else {
        return error_field(err, "listen", "needs a numeric address, not '%s'", host);
    }
    return STATUS_OK;
}

static void print(const struct sockaddr_storage *at, char *out, size_t capacity)
{
    char host[INET6_ADDRSTRLEN] = "";
    if (at->ss_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)at;
        inet_ntop(AF_INET, &four->sin_addr, host, sizeof host);
        text_format(out, capacity, "%s:%u", host, ntohs(four->sin_port));
    } else if (at->ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)at;
        inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof host);
        text_format(out, capacity, "[%s]:%u", host, ntohs(six->sin6_port));
    } else {
        text_copy(out, capacity, "unix");
    }
}

static void on_ready(void *context, int ready)
{
    (void)ready;
    struct loop_listener *listener = context;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        struct sockaddr_storage peer;
        socklen_t size = sizeof peer;
        int fd = accept4(listener->fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno != EMFILE && errno != ENFILE) return;
            /* the connection waits in the backlog; the caller's cap should have come first */
            log_warn("event=accept_failed reason=descriptors");
            loop_fd_want(listener->watch, 0);
            loop_timer_start(listener->breath, DESCRIPTORS_WAIT_MS);
            return;
        }
        int one = 1;
        if (!listener->is_unix) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        char text[LISTEN_ADDRESS_MAX];
        print(&peer, text, sizeof text);
        listener->on_accept(listener->context, fd, text);
    }
}

static void on_breath(void *context)
{
    struct loop_listener *listener = context;
    if (!listener->paused) loop_fd_want(listener->watch, LOOP_READ);
}

/* A socket that a dead process left behind would refuse us. Nothing but such a socket is removed: not a file, and not one that somebody answers on. */
static bool unix_make_way(const struct sockaddr_un *at, socklen_t size)
{
    struct stat what;
    if (lstat(at->sun_path, &what) != 0) return errno == ENOENT;
    if (!S_ISSOCK(what.st_mode)) return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    bool dead = connect(fd, (const struct sockaddr *)at, size) != 0 && errno == ECONNREFUSED;
    close(fd);
    return dead && unlink(at->sun_path) == 0;
}

static enum status open_socket(const char *address, bool reuse_port, struct loop_listener *listener, struct error *err)
{
    struct sockaddr_storage at;
    socklen_t size;
    TRY(parse(address, &at, &size, err));
    int one = 1;
    listener->is_unix = at.ss_family == AF_UNIX;
    listener->fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0) return error_set(err, STATUS_UNAVAILABLE, "socket: %s", strerror(errno));
    setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (reuse_port) setsockopt(listener->fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (listener->is_unix && !unix_make_way((const struct sockaddr_un *)(const void *)&at, size))
        return error_set(err, STATUS_UNAVAILABLE, "cannot listen on %s: the path is taken", address);
    if (bind(listener->fd, (struct sockaddr *)&at, size) != 0 || listen(listener->fd, BACKLOG) != 0)
        return error_set(err, STATUS_UNAVAILABLE, "cannot listen on %s: %s", address, strerror(errno));
    size = sizeof at;
    if (listener->is_unix) text_copy(listener->address, sizeof listener->address, address);
    else if (getsockname(listener->fd, (struct sockaddr *)&at, &size) == 0) print(&at, listener->address, sizeof listener->address);
    return STATUS_OK;
}

enum status loop_listen(struct loop *loop, const char *address, bool reuse_port, void (*on_accept)(void *context, int fd, const char *peer), void *context,
                        struct loop_listener **out, struct error *err)
{
    struct loop_listener *listener = mem_zalloc(1, sizeof *listener);
    listener->fd = -1;
    listener->on_accept = on_accept;
    listener->context = context;
    enum status rc = open_socket(address, reuse_port, listener, err);
    if (rc != STATUS_OK) {
        loop_listener_free(listener);
        return rc;
    }
    listener->breath = loop_timer_new(loop, on_breath, listener);
    listener->watch = loop_fd_new(loop, listener->fd, on_ready, listener);
    loop_fd_want(listener->watch, LOOP_READ);
    *out = listener;
    return STATUS_OK;
}

const char *loop_listener_address(const struct loop_listener *listener)
{
    return listener->address;
}

void loop_listener_pause(struct loop_listener *listener, bool paused)
{
    listener->paused = paused;
    loop_timer_stop(listener->breath);
    loop_fd_want(listener->watch, paused ? 0 : LOOP_READ);
}

void loop_listener_free(struct loop_listener *listener)
{
    if (!listener) return;
    loop_fd_free(listener->watch);
    loop_timer_free(listener->breath);
    if (listener->fd >= 0) close(listener->fd);
    if (listener->is_unix && listener->address[0]) unlink(listener->address + 5);
    free(listener);
}
