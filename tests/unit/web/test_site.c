/* What the paths answer, and the cache against a plain model of it. */
#include "scheduler/web/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

static atomic_bool ready;
static struct web_site site;
static const struct policy any = {.any_host = true};

enum { ROADS = 300 };
static const struct geo_point HERE = {399000000, 1164000000};

/* A fan of primary roads from one corner. */
static int open_site(void **context)
{
    (void)context;
    static struct geo_arc arcs[ROADS];
    static struct geo_point shape[2 * ROADS];
    static char names[] = "\0Long Street";
    for (uint32_t i = 0; i < ROADS; i++) {
        arcs[i] = (struct geo_arc){.shape_first = 2 * i, .shape_count = 2, .reverse = GEO_NONE, .name = i % 2, .way = i + 1, .road_class = GEO_CLASS_PRIMARY, .twin = i};
        shape[2 * i] = HERE;
        shape[2 * i + 1] = (struct geo_point){HERE.lat_e7 + 50000, HERE.lon_e7 + (int32_t)i * 300};
    }
    struct geo_graph graph = {.arc_count = ROADS, .shape_count = 2 * ROADS, .name_bytes = sizeof names, .arcs = arcs, .shape = shape, .names = names};
    struct geo_error error;
    site = (struct web_site){.scratch = geo_tile_scratch_new(), .cache = cache_new(), .ready = &ready, .policy = &any};
    atomic_store(&ready, false);
    return geo_tiles_new(&graph, &site.tiles, &error) == GEO_OK ? 0 : -1;
}

static int close_site(void **context)
{
    (void)context;
    geo_tiles_free(site.tiles);
    geo_tile_scratch_free(site.scratch);
    cache_free(site.cache);
    return 0;
}

/* Asks with the path and further fields. The caller unrefs the body. */
static struct http_answer ask(const char *method, const char *path, const char *fields, struct body **body)
{
    char text[2048];
    struct http_request request;
    struct http_answer answer;
    text_format(text, sizeof text, "%s %s HTTP/1.1\r\nHost: a\r\n%s\r\n", method, path, fields);
    assert_int_equal(http_request_read(text, (uint32_t)strlen(text), &request), HTTP_READ);
    assert_int_equal(site_answer(&site, &request, &answer, body), SITE_ANSWER);
    return answer;
}

static int status_of(const char *path)
{
    struct body *body;
    struct http_answer answer = ask("GET", path, "", &body);
    body_unref(body);
    return answer.status;
}

static void tile_path(uint32_t zoom, char *out, size_t capacity)
{
    struct geo_tile_id id = geo_tile_at(HERE, zoom);
    text_format(out, capacity, "/tiles/%u/%u/%u.mvt", id.z, id.x, id.y);
}

static void test_site_sends_the_tile_plain_and_packed(void **context)
{
    (void)context;
    char path[64];
    struct body *plain, *small, *again;
    tile_path(14, path, sizeof path);
    struct http_answer answer = ask("GET", path, "", &plain);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.content_type, "application/vnd.mapbox-vector-tile");
    assert_null(answer.encoding);
    struct geo_tile tile;
    assert_int_equal(geo_tile_build(site.tiles, site.scratch, geo_tile_at(HERE, 14), &tile), GEO_OK);
    assert_int_equal(plain->size, tile.size);
    assert_memory_equal(plain->data, tile.data, tile.size);
    for (int time = 0; time < 2; time++) { /* drawn, then out of the cache */
        answer = ask("GET", path, "Accept-Encoding: br, gzip\r\n", time ? &again : &small);
        assert_int_equal(answer.status, 200);
        assert_true(answer.vary);
        assert_string_equal(answer.encoding, "gzip");
    }
    assert_int_equal(again->size, small->size);
    assert_memory_equal(again->data, small->data, small->size);
    assert_true(small->size < plain->size);
    uint8_t *out = malloc(plain->size + 1);
    z_stream stream = {.next_in = small->data, .avail_in = (uInt)small->size, .next_out = out, .avail_out = (uInt)plain->size + 1};
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.total_out, plain->size);
    assert_memory_equal(out, plain->data, plain->size);
    inflateEnd(&stream);
    free(out);
    body_unref(plain);
    body_unref(small);
    body_unref(again);
}

static void test_site_knows_what_the_asker_has(void **context)
{
    (void)context;
    char path[64], fields[256];
    struct body *body;
    tile_path(15, path, sizeof path);
    struct http_answer first = ask("GET", path, "", &body);
    body_unref(body);
    assert_true(first.tag[0] != 0);
    text_format(fields, sizeof fields, "If-None-Match: \"x\", W/\"%s\"\r\n", first.tag);
    struct http_answer second = ask("GET", path, fields, &body);
    assert_int_equal(second.status, 304);
    assert_null(body);
    assert_string_equal(second.tag, first.tag);
    assert_string_equal(second.cache_control, first.cache_control);
    char other[64];
    tile_path(16, other, sizeof other);
    assert_int_equal(ask("GET", other, fields, &body).status, 200); /* another tile's tag is another */
    body_unref(body);
}

static void test_site_answers_each_path(void **context)
{
    (void)context;
    static const struct { const char *path; int status; } CASES[] = {
        {"/", 404}, {"/tile", 404}, {"/tiles", 404}, {"/tiles/", 400}, {"/tiles/1/2", 400}, {"/tiles/1/0/0", 400}, {"/tiles/1/0/0.pbf", 400}, {"/tiles/.mvt", 400},
        {"/tiles/1/0/0.mvt/", 400}, {"/tiles/a/b/c.mvt", 400}, {"/tiles/-1/0/0.mvt", 400}, {"/tiles/1/0/0.mvt.mvt", 400}, {"/tiles//1/0/0.mvt", 400}, {"/tiles/../healthz", 400},
        {"/tiles/%31/0/0.mvt", 400}, {"/tiles/19/0/0.mvt", 404}, {"/tiles/1/2/0.mvt", 404}, {"/tiles/1/0/2.mvt", 404}, {"/tiles/18/0/0.mvt", 204}, {"/tiles/0/0/0.mvt", 204},
        {"/tiles/18/0/0.mvt?x=1", 204}, {"/healthz", 503}, {"/healthz/", 404}, {"/healthzz", 404}, {"/HEALTHZ", 404}};
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        int status = status_of(CASES[i].path);
        if (status != CASES[i].status) fail_msg("%s: %d, not %d", CASES[i].path, status, CASES[i].status);
    }
    struct body *body;
    struct http_answer options = ask("OPTIONS", "*", "", &body);
    assert_int_equal(options.status, 204);
    assert_string_equal(options.allow, "GET, HEAD, OPTIONS");
    assert_null(body);
    atomic_store(&ready, true);
    assert_int_equal(status_of("/healthz"), 200);
}

static void test_site_without_tiles_says_so(void **context)
{
    (void)context;
    geo_tiles_free(site.tiles);
    site.tiles = NULL;
    assert_int_equal(status_of("/tiles/1/0/0.mvt"), 404);
}

/* ---- the cache ---- */

static struct geo_tile_id numbered(uint32_t number)
{
    return (struct geo_tile_id){18, number, number * 7 % 1000};
}

static void test_cache_keeps_what_was_asked_last(void **context)
{
    (void)context;
    struct rng rng;
    struct cache *cache = cache_new();
    enum { TILES = 3000, BODY = 20000 }; /* about 830 bodies fit */
    static uint32_t used[TILES];         /* when it was last put or found; 0: never */
    static uint8_t content[BODY];
    rng_init(&rng, 4);
    for (uint32_t step = 1; step < 40000; step++) {
        uint32_t tile = rng_below(&rng, rng_below(&rng, 2) ? 400 : TILES);
        struct body *known = cache_find(cache, numbered(tile), tile % 2);
        uint32_t newer = 0;
        for (uint32_t i = 0; i < TILES && step % 500 == 0; i++) newer += used[i] > used[tile];
        if (step % 500 == 0 && used[tile] && newer < 800) assert_non_null(known);
        if (step % 500 == 0 && newer > 850) assert_null(known);
        if (known) {
            assert_int_equal(known->data[0], (uint8_t)tile);
            assert_null(cache_find(cache, numbered(tile), tile % 2 == 0));
        } else {
            content[0] = (uint8_t)tile;
            struct body *body = body_new(content, sizeof content);
            cache_put(cache, numbered(tile), tile % 2, body);
            body_unref(body);
        }
        used[tile] = step;
        assert_true(cache_bytes(cache) <= CACHE_BYTES_MAX);
    }
    cache_free(cache);
}

static void test_cache_bounds_small_tiles_by_number(void **context)
{
    (void)context;
    struct cache *cache = cache_new();
    struct body *body = body_new("x", 1), *kept = NULL;
    for (uint32_t i = 0; i < CACHE_TILES_MAX + 100; i++) {
        cache_put(cache, numbered(i), false, body);
        if (i == 0) kept = body_ref(cache_find(cache, numbered(0), false));
    }
    assert_null(cache_find(cache, numbered(0), false));
    assert_non_null(cache_find(cache, numbered(100), false));
    assert_non_null(cache_find(cache, numbered(CACHE_TILES_MAX + 99), false));
    cache_free(cache);
    assert_int_equal(kept->data[0], 'x'); /* what is being sent outlives the cache */
    body_unref(kept);
    body_unref(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_site_sends_the_tile_plain_and_packed, open_site, close_site),
        cmocka_unit_test_setup_teardown(test_site_knows_what_the_asker_has, open_site, close_site),
        cmocka_unit_test_setup_teardown(test_site_answers_each_path, open_site, close_site),
        cmocka_unit_test_setup_teardown(test_site_without_tiles_says_so, open_site, close_site),
        cmocka_unit_test(test_cache_keeps_what_was_asked_last),
        cmocka_unit_test(test_cache_bounds_small_tiles_by_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
