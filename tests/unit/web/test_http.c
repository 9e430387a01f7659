/* Requests as bytes: what is taken, what is refused and with which status, that nothing depends on how the bytes come in pieces; heads of answers. */
#include "scheduler/web/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A copy of exactly its size, so that the sanitizer sees a step too far. */
static int read_exact(const char *data, size_t size, struct http_request *out)
{
    char *copy = malloc(size + (size == 0));
    memcpy(copy, data, size);
    int rc = http_request_read(copy, (uint32_t)size, out);
    if (rc == HTTP_READ) { /* point into the caller's bytes instead */
        if (out->path.at) out->path.at = data + (out->path.at - copy);
        if (out->if_none_match.at) out->if_none_match.at = data + (out->if_none_match.at - copy);
        if (out->accept_encoding.at) out->accept_encoding.at = data + (out->accept_encoding.at - copy);
    }
    free(copy);
    return rc;
}

static void assert_text(struct http_text text, const char *wanted)
{
    assert_int_equal(text.size, strlen(wanted));
    assert_memory_equal(text.at, wanted, text.size);
}

static void test_request_is_read(void **context)
{
    (void)context;
    static const char REQUEST[] = "GET /tiles/1/2/3.mvt?v=1 HTTP/1.1\r\nHost: here:80\r\nACCEPT-Encoding: \t gzip, br \r\nIf-None-Match: W/\"a\"\r\n\r\nGET ";
    struct http_request request;
    assert_int_equal(read_exact(REQUEST, sizeof REQUEST - 1, &request), HTTP_READ);
    assert_int_equal(request.method, HTTP_GET);
    assert_int_equal(request.size, sizeof REQUEST - 1 - 4);
    assert_true(request.keep_alive);
    assert_text(request.path, "/tiles/1/2/3.mvt");
    assert_text(request.accept_encoding, "gzip, br");
    assert_text(request.if_none_match, "W/\"a\"");
    for (size_t cut = 0; cut < request.size; cut++) {
        struct http_request part;
        assert_int_equal(read_exact(REQUEST, cut, &part), HTTP_MORE);
    }
}

static void test_request_says_whether_the_connection_stays(void **context)
{
    (void)context;
    static const struct { const char *text; bool keep_alive; } CASES[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE\r\n\r\n", false},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n", false},
    };
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        struct http_request request;
        assert_int_equal(read_exact(CASES[i].text, strlen(CASES[i].text), &request), HTTP_READ);
        assert_int_equal(request.keep_alive, CASES[i].keep_alive);
    }
}

static void test_request_that_can_be_read_two_ways_is_refused(void **context)
{
    (void)context;
    static const struct { const char *text; int status; } CASES[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_READ},
        {"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_READ},
        {"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_READ},
        {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_READ},
        {"GET http://a/b HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_READ},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", HTTP_READ},
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n: a\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost\r\n\r\n", 400},
        {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
        {"GET /\t HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET http:///b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET /\r\n\r\n", 400},
        {"\r\n\r\n\r\n\r\n", 400},
        {"G@T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {" / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET / http/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        {"DELETE / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 405},
        {"get / HTTP/1.1\r\nHost: a\r\n\r\n", 405},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", 413},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 5\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 501},
    };
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        struct http_request request;
        int status = read_exact(CASES[i].text, strlen(CASES[i].text), &request);
        if (status != CASES[i].status) fail_msg("%s: %d, not %d", CASES[i].text, status, CASES[i].status);
    }
    struct http_request request;
    static const char ZERO[] = "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_int_equal(read_exact(ZERO, sizeof ZERO - 1, &request), 400);
}

static void test_request_has_bounds(void **context)
{
    (void)context;
    struct http_request request;
    static char head[HTTP_HEAD_MAX + 64];
    int size = 0;
    memset(head, 'a', sizeof head);
    assert_int_equal(http_request_read(head, HTTP_HEAD_MAX - 1, &request), HTTP_MORE);
    assert_int_equal(http_request_read(head, HTTP_HEAD_MAX, &request), 414);
    memcpy(head, "GET / HTTP/1.1\r\nHost: ", 22);
    assert_int_equal(http_request_read(head, HTTP_HEAD_MAX, &request), 431);
    /* the longest head that is taken */
    memcpy(head + HTTP_HEAD_MAX - 4, "\r\n\r\n", 4);
    assert_int_equal(http_request_read(head, HTTP_HEAD_MAX, &request), HTTP_READ);
    assert_int_equal(request.size, HTTP_HEAD_MAX);
    /* targets */
    for (int more = 0; more < 2; more++) {
        memset(head, '/', sizeof head);
        memcpy(head, "GET ", 4);
        size = 4 + HTTP_TARGET_MAX + more;
        memcpy(head + size, " HTTP/1.1\r\nHost: a\r\n\r\n", 22);
        assert_int_equal(http_request_read(head, (uint32_t)size + 22, &request), more ? 414 : HTTP_READ);
    }
    /* fields, Host among them */
    for (int more = 0; more < 2; more++) {
        size = 0;
        memcpy(head, "GET / HTTP/1.1\r\nHost: a\r\n", 25);
        size = 25;
        for (int i = 1; i < HTTP_FIELDS_MAX + more; i++, size += 6) memcpy(head + size, "A: b\r\n", 6);
        memcpy(head + size, "\r\n", 2);
        assert_int_equal(http_request_read(head, (uint32_t)size + 2, &request), more ? 431 : HTTP_READ);
    }
}

static void test_gzip_is_sent_to_who_takes_it(void **context)
{
    (void)context;
    static const struct { const char *text; bool takes; } CASES[] = {
        {"", false}, {"gzip", true}, {"GZIP", true}, {"br, gzip", true}, {"br;q=1.0, gzip;q=0.8", true}, {"gzip;q=0", false}, {"gzip;q=0.000", false},
        {"gzip; q=0.001", true}, {"*", true}, {"*;q=0", false}, {"gzip;q=0, *", false}, {"identity", false}, {"gzipped", false}, {",,gzip,", true}, {"gzip;level=9", false},
        {"x-gzip", true}, {"deflate, br", false}};
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        bool takes = http_takes_gzip((struct http_text){CASES[i].text, (uint32_t)strlen(CASES[i].text)});
        if (takes != CASES[i].takes) fail_msg("%s: %d", CASES[i].text, takes);
    }
}

static void test_tag_is_found_in_a_list(void **context)
{
    (void)context;
    static const struct { const char *text; bool has; } CASES[] = {
        {"", false}, {"*", true}, {"\"t-1\"", true}, {"W/\"t-1\"", true}, {"\"a\", W/\"t-1\"", true}, {"\"t-1", false}, {"t-1", false}, {"\"t-11\"", false}, {"w/\"t-1\"", false}, {"\"\"", false}};
    for (size_t i = 0; i < COUNT_OF(CASES); i++)
        assert_int_equal(http_has_tag((struct http_text){CASES[i].text, (uint32_t)strlen(CASES[i].text)}, "t-1"), CASES[i].has);
}

static void test_answer_is_written(void **context)
{
    (void)context;
    static const struct { int64_t ms; const char *date; } DATES[] = {{0, "Thu, 01 Jan 1970 00:00:00 GMT"}, {INT64_C(784111777000), "Sun, 06 Nov 1994 08:49:37 GMT"},
        {INT64_C(951827696789), "Tue, 29 Feb 2000 12:34:56 GMT"}, {INT64_C(4107542399000), "Sun, 28 Feb 2100 23:59:59 GMT"}, {INT64_C(1767225599999), "Wed, 31 Dec 2025 23:59:59 GMT"}};
    char out[HTTP_ANSWER_MAX];
    for (size_t i = 0; i < COUNT_OF(DATES); i++) {
        struct http_answer answer = {.status = 404};
        http_answer_write(&answer, 7, true, DATES[i].ms, out);
        if (!strstr(out, DATES[i].date)) fail_msg("%s is not in %s", DATES[i].date, out);
    }
    struct http_answer tile = {.status = 200, .content_type = "a/b", .cache_control = "c", .tag = "t", .encoding = "gzip", .vary = true};
    uint32_t size = http_answer_write(&tile, 12345, false, 0, out);
    assert_string_equal(out, "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Type: a/b\r\nX-Content-Type-Options: nosniff\r\nContent-Length: 12345\r\n"
                             "Content-Encoding: gzip\r\nVary: Accept-Encoding\r\nETag: W/\"t\"\r\nCache-Control: c\r\nConnection: close\r\n\r\n");
    assert_int_equal(size, strlen(out));
    for (int status = 204; status <= 304; status += 100) {
        struct http_answer bare = {.status = status};
        http_answer_write(&bare, 0, true, 0, out);
        assert_null(strstr(out, "Content-Length"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_is_read),
        cmocka_unit_test(test_request_says_whether_the_connection_stays),
        cmocka_unit_test(test_request_that_can_be_read_two_ways_is_refused),
        cmocka_unit_test(test_request_has_bounds),
        cmocka_unit_test(test_gzip_is_sent_to_who_takes_it),
        cmocka_unit_test(test_tag_is_found_in_a_list),
        cmocka_unit_test(test_answer_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
