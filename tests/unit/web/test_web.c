/* Start and stop: the thread comes and goes, an address that is taken or none is told and nothing leaks, a Unix socket will do. */
#include "web/web.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static void test_web_starts_and_stops(void **context)
{
    (void)context;
    for (int i = 0; i < 20; i++) {
        struct web *web;
        struct error err;
        assert_int_equal(web_start(&(struct web_options){.address = "127.0.0.1:0"}, &web, &err), STATUS_OK);
        assert_int_equal(strncmp(web_address(web), "127.0.0.1:", 10), 0);
        web_set_ready(web, i % 2);
        web_stop(web);
    }
    web_stop(NULL);
}

static void test_web_start_refuses_an_address_that_is_taken_or_none(void **context)
{
    (void)context;
    struct web *web, *other = NULL;
    struct error err;
    assert_int_equal(web_start(&(struct web_options){.address = "127.0.0.1:0"}, &web, &err), STATUS_OK);
    assert_int_equal(web_start(&(struct web_options){.address = web_address(web)}, &other, &err), STATUS_UNAVAILABLE);
    assert_true(err.text[0] != 0);
    static const char *const NONE[] = {"", "here", "127.0.0.1", "127.0.0.1:x", "example.org:80", "unix:"};
    for (size_t i = 0; i < COUNT_OF(NONE); i++) assert_int_equal(web_start(&(struct web_options){.address = NONE[i]}, &other, &err), STATUS_INVALID_ARGUMENT);
    assert_null(other);
    web_stop(web);
}

static void ask(const char *path, const char *target, char *out, size_t capacity)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    text_copy(at.sun_path, sizeof at.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    char request[128];
    text_format(request, sizeof request, "GET %s HTTP/1.0\r\n\r\n", target);
    assert_int_equal(write(fd, request, strlen(request)), (ssize_t)strlen(request));
    size_t size = 0;
    for (ssize_t got; size + 1 < capacity && (got = read(fd, out + size, capacity - 1 - size)) > 0;) size += (size_t)got;
    out[size] = 0;
    close(fd);
}

static void test_web_answers_on_a_unix_socket(void **context)
{
    (void)context;
    char address[80], answer[1024];
    struct web *web;
    struct error err;
    text_format(address, sizeof address, "unix:/tmp/meddispatch-web-%ld", (long)getpid());
    assert_int_equal(web_start(&(struct web_options){.address = address}, &web, &err), STATUS_OK);
    ask(address + 5, "/healthz", answer, sizeof answer);
    assert_non_null(strstr(answer, "HTTP/1.1 503 "));
    web_set_ready(web, true);
    ask(address + 5, "/healthz", answer, sizeof answer);
    assert_non_null(strstr(answer, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(answer, "\r\nConnection: close\r\n\r\nSERVING\n"));
    ask(address + 5, "/tiles/1/0/0.mvt", answer, sizeof answer);
    assert_non_null(strstr(answer, "HTTP/1.1 404 "));
    web_stop(web);
    assert_int_not_equal(access(address + 5, F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_web_starts_and_stops),
        cmocka_unit_test(test_web_start_refuses_an_address_that_is_taken_or_none),
        cmocka_unit_test(test_web_answers_on_a_unix_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
