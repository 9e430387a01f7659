/* loop: mailboxes under many producers, in a loop and in a plain thread; timers; listening. */
#include "loop/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { PRODUCERS = 4, PER_PRODUCER = 20000 };

struct item {
    uint32_t producer, number;
};

static struct mailbox *box;

static void *produce(void *context)
{
    uint32_t producer = (uint32_t)(uintptr_t)context;
    for (uint32_t i = 0; i < PER_PRODUCER; i++) {
        struct item *item = mem_alloc(sizeof *item);
        *item = (struct item){producer, i};
        while (!mailbox_post(box, item)) sched_yield();
    }
    return NULL;
}

/* Every message once, and each producer's in its order. */
static bool account(struct item *item, uint32_t *next, uint32_t *taken)
{
    assert_int_equal(item->number, next[item->producer]++);
    free(item);
    return ++*taken == PRODUCERS * PER_PRODUCER;
}

static void test_mailbox_loses_and_reorders_nothing_for_a_thread(void **state)
{
    (void)state;
    pthread_t threads[PRODUCERS];
    uint32_t next[PRODUCERS] = {0}, taken = 0;
    box = mailbox_new(64);
    for (uintptr_t i = 0; i < PRODUCERS; i++) pthread_create(&threads[i], NULL, produce, (void *)i);
    for (bool done = false; !done;) {
        struct item *item = mailbox_take(box);
        if (item) done = account(item, next, &taken);
        else mailbox_wait(box, 1000);
    }
    for (int i = 0; i < PRODUCERS; i++) pthread_join(threads[i], NULL);
    mailbox_free(box);
}

struct watched {
    struct loop *loop;
    uint32_t next[PRODUCERS], taken;
};

static void on_messages(struct mailbox *mailbox, void *context)
{
    struct watched *watched = context;
    struct item *item;
    /* takes only some: what is left must come again */
    for (int i = 0; i < 10 && (item = mailbox_take(mailbox)) != NULL; i++)
        if (account(item, watched->next, &watched->taken)) loop_stop(watched->loop);
}

static void test_mailbox_wakes_a_loop_until_all_is_taken(void **state)
{
    (void)state;
    pthread_t threads[PRODUCERS];
    struct watched watched = {.loop = loop_new()};
    box = mailbox_new(64);
    loop_watch_mailbox(watched.loop, box, on_messages, &watched);
    for (uintptr_t i = 0; i < PRODUCERS; i++) pthread_create(&threads[i], NULL, produce, (void *)i);
    loop_run(watched.loop);
    for (int i = 0; i < PRODUCERS; i++) pthread_join(threads[i], NULL);
    assert_int_equal(watched.taken, PRODUCERS * PER_PRODUCER);
    mailbox_free(box);
    loop_free(watched.loop);
}

static void test_mailbox_full_refuses_and_keeps_order(void **state)
{
    (void)state;
    int a, b, c;
    struct mailbox *mailbox = mailbox_new(2);
    assert_true(mailbox_post(mailbox, &a) && mailbox_post(mailbox, &b));
    assert_false(mailbox_post(mailbox, &c));
    assert_int_equal(mailbox_depth(mailbox), 2);
    assert_ptr_equal(mailbox_take(mailbox), &a);
    assert_true(mailbox_post(mailbox, &c));
    assert_ptr_equal(mailbox_take(mailbox), &b);
    assert_ptr_equal(mailbox_take(mailbox), &c);
    assert_null(mailbox_take(mailbox));
    mailbox_wait(mailbox, 1);
    mailbox_free(mailbox);
}

struct clockwork {
    struct loop *loop;
    struct loop_timer *timer, *never;
    int fired;
};

static void on_timer(void *context)
{
    struct clockwork *clockwork = context;
    if (++clockwork->fired == 3) loop_stop(clockwork->loop);
    else loop_timer_start(clockwork->timer, 1);
}

static void on_never(void *context)
{
    (void)context;
    fail_msg("a stopped timer fired");
}

static void test_timer_rearms_and_a_stopped_one_is_silent(void **state)
{
    (void)state;
    struct clockwork clockwork = {.loop = loop_new()};
    clockwork.timer = loop_timer_new(clockwork.loop, on_timer, &clockwork);
    clockwork.never = loop_timer_new(clockwork.loop, on_never, NULL);
    loop_timer_start(clockwork.never, 1);
    loop_timer_stop(clockwork.never);
    loop_timer_start(clockwork.timer, 0);
    loop_run(clockwork.loop);
    assert_int_equal(clockwork.fired, 3);
    loop_timer_free(clockwork.timer);
    loop_timer_free(clockwork.never);
    loop_timer_free(NULL);
    loop_free(clockwork.loop);
}

struct door {
    struct loop *loop;
    int accepted;
};

static void on_accept(void *context, int fd, const char *peer)
{
    struct door *door = context;
    assert_true(strncmp(peer, "127.0.0.1:", 10) == 0);
    close(fd);
    if (++door->accepted == 2) loop_stop(door->loop);
}

static void test_listener_takes_an_address_and_refuses_nonsense(void **state)
{
    (void)state;
    struct door door = {.loop = loop_new()};
    struct loop_listener *listener;
    struct error err;
    static const char *const BAD[] = {"", "nowhere", "127.0.0.1:", "127.0.0.1:70000", "localhost:80", "[::1:80", "::1:80", "256.1.1.1:1"};
    for (size_t i = 0; i < COUNT_OF(BAD); i++) {
        assert_int_equal(loop_listen(door.loop, BAD[i], false, on_accept, &door, &listener, &err), STATUS_INVALID_ARGUMENT);
        assert_string_equal(err.field, "listen");
    }
    assert_int_equal(loop_listen(door.loop, "127.0.0.1:0", false, on_accept, &door, &listener, &err), STATUS_OK);
    int64_t port;
    assert_true(text_to_i64(strrchr(loop_listener_address(listener), ':') + 1, 1, 65535, &port));
    struct loop_listener *second;
    assert_int_equal(loop_listen(door.loop, loop_listener_address(listener), false, on_accept, &door, &second, &err), STATUS_UNAVAILABLE);
    int clients[2];
    for (int i = 0; i < 2; i++) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
        clients[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(clients[i], (struct sockaddr *)&at, sizeof at), 0);
    }
    loop_run(door.loop);
    for (int i = 0; i < 2; i++) close(clients[i]);
    loop_listener_free(listener);
    loop_free(door.loop);
}

static void on_any(void *context, int fd, const char *peer)
{
    struct door *door = context;
    assert_non_null(peer);
    close(fd);
    door->accepted++;
    loop_stop(door->loop);
}

static void on_over(void *context)
{
    loop_stop(context);
}

static void run_for(struct loop *loop, int64_t ms)
{
    struct loop_timer *timer = loop_timer_new(loop, on_over, loop);
    loop_timer_start(timer, ms);
    loop_run(loop);
    loop_timer_free(timer);
}

static int connect_unix(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    text_copy(at.sun_path, sizeof at.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0) return fd;
    close(fd);
    return -1;
}

/* What lies at the path of a Unix address: a dead socket makes way; a file or a living server does not, and is not touched. */
static void test_unix_address_replaces_only_a_dead_socket(void **state)
{
    (void)state;
    char folder[] = "/tmp/meddispatch-loop-XXXXXX", path[64], address[80];
    struct door door = {.loop = loop_new()};
    struct loop_listener *first, *second;
    struct error err;
    assert_non_null(mkdtemp(folder));
    text_format(path, sizeof path, "%s/socket", folder);
    text_format(address, sizeof address, "unix:%s", path);
    int file = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(file >= 0 && write(file, "precious", 8) == 8);
    close(file);
    assert_int_equal(loop_listen(door.loop, address, false, on_any, &door, &first, &err), STATUS_UNAVAILABLE);
    struct stat what;
    assert_true(stat(path, &what) == 0 && what.st_size == 8);
    unlink(path);
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    text_copy(at.sun_path, sizeof at.sun_path, path);
    int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(bind(dead, (struct sockaddr *)&at, sizeof at) == 0);
    close(dead); /* as a killed process leaves it */
    assert_int_equal(loop_listen(door.loop, address, false, on_any, &door, &first, &err), STATUS_OK);
    assert_int_equal(loop_listen(door.loop, address, false, on_any, &door, &second, &err), STATUS_UNAVAILABLE);
    int client = connect_unix(path);
    assert_true(client >= 0);
    while (door.accepted < 1) loop_run(door.loop);
    close(client);
    loop_listener_free(first);
    assert_int_equal(stat(path, &what), -1); /* and it cleans up after itself */
    loop_free(door.loop);
    rmdir(folder);
}

/* Out of descriptors, the waiting connection neither spins the loop (each try is one line of the log) nor is lost. */
static void test_listener_without_descriptors_waits_and_goes_on(void **state)
{
    (void)state;
    struct door door = {.loop = loop_new()};
    struct loop_listener *listener;
    struct error err;
    struct rlimit before, low;
    assert_int_equal(loop_listen(door.loop, "127.0.0.1:0", false, on_any, &door, &listener, &err), STATUS_OK);
    int64_t port;
    assert_true(text_to_i64(strrchr(loop_listener_address(listener), ':') + 1, 1, 65535, &port));
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    char log_path[] = "/tmp/meddispatch-loop-XXXXXX";
    int log = mkstemp(log_path), tty = dup(STDERR_FILENO);
    assert_true(log >= 0 && tty >= 0);
    unlink(log_path);
    int client = socket(AF_INET, SOCK_STREAM, 0), next = dup(client);
    assert_true(next >= 0);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    low = (struct rlimit){(rlim_t)next, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    assert_int_equal(connect(client, (struct sockaddr *)&at, sizeof at), 0);
    dup2(log, STDERR_FILENO);
    run_for(door.loop, 500);
    dup2(tty, STDERR_FILENO);
    off_t told = lseek(log, 0, SEEK_END);
    close(log);
    close(tty);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(door.accepted, 0);
    assert_in_range(told, 1, 10 * 100);
    while (door.accepted < 1) loop_run(door.loop);
    close(client);
    loop_listener_free(listener);
    loop_free(door.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mailbox_loses_and_reorders_nothing_for_a_thread), cmocka_unit_test(test_mailbox_wakes_a_loop_until_all_is_taken),
        cmocka_unit_test(test_mailbox_full_refuses_and_keeps_order),            cmocka_unit_test(test_timer_rearms_and_a_stopped_one_is_silent),
        cmocka_unit_test(test_listener_takes_an_address_and_refuses_nonsense),  cmocka_unit_test(test_unix_address_replaces_only_a_dead_socket),
        cmocka_unit_test(test_listener_without_descriptors_waits_and_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
