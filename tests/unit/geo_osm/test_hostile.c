/* Broken, cut and lying files: never a crash (run under ASan and UBSan), never silence, never more memory than the file warrants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "geo_osm/geo_osm.h"
#include "geo_synth/geo_synth.h"

struct file {
    uint8_t *data;
    size_t size;
};

static struct file made_up(uint32_t size)
{
    char path[] = "/tmp/geo_osm_hostile_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)close(fd);
    struct geo_error error = {.text = ""};
    assert_int_equal(geo_synth_write(path, 7, size, &error), GEO_OK);
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    struct file file = {malloc(8 << 20), 0};
    assert_non_null(file.data);
    file.size = fread(file.data, 1, 8 << 20, in);
    (void)fclose(in);
    (void)unlink(path);
    return file;
}

/* Refused with a text, or a sound graph. */
static enum geo_status attempt(const uint8_t *data, size_t size, struct geo_error *error)
{
    struct geo_graph *graph = NULL;
    uint8_t *exact = malloc(size ? size : 1); /* so that ASan sees a read past the end */
    assert_non_null(exact);
    if (size) memcpy(exact, data, size);
    error->text[0] = 0;
    enum geo_status rc = geo_osm_build_bytes(exact, size, NULL, &graph, error);
    if (rc == GEO_OK) assert_int_equal(geo_graph_check(graph, error), GEO_OK);
    else assert_true(graph == NULL && error->text[0] != 0);
    geo_graph_free(graph);
    free(exact);
    return rc;
}

static void test_pbf_refuses_cut_files(void **state)
{
    (void)state;
    struct file file = made_up(100);
    struct geo_error error;
    assert_int_equal(attempt(file.data, file.size, &error), GEO_OK);
    uint32_t refused = 0, tried = 0;
    for (size_t size = 0; size < file.size; size += size < 200 ? 1 : 37, tried++) refused += attempt(file.data, size, &error) != GEO_OK;
    assert_in_range(refused, tried - 3, tried); /* cut exactly between blobs is a shorter file, not a broken one */
    free(file.data);
}

static void test_pbf_survives_flipped_bytes(void **state)
{
    (void)state;
    struct file file = made_up(100);
    struct geo_error error;
    uint64_t random = 3;
    uint32_t refused = 0;
    for (int i = 0; i < 3000; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        size_t at = (size_t)(random >> 33) % file.size;
        uint8_t before = file.data[at];
        file.data[at] ^= (uint8_t)(1u << (random >> 20 & 7));
        refused += attempt(file.data, file.size, &error) != GEO_OK;
        file.data[at] = before;
    }
    assert_true(refused > 100);
    free(file.data);
}

static size_t put_varint(uint8_t *out, uint64_t value)
{
    size_t count = 0;
    for (; value >= 0x80; value >>= 7) out[count++] = (uint8_t)(value | 0x80);
    out[count++] = (uint8_t)value;
    return count;
}

/* A file of one OSMHeader blob with this content. */
static size_t header_file(uint8_t *out, const uint8_t *blob, size_t blob_size)
{
    uint8_t head[32] = "\x0a\x09OSMHeader\x18";
    size_t head_size = 12;
    head_size += put_varint(head + head_size, blob_size);
    out[0] = out[1] = out[2] = 0;
    out[3] = (uint8_t)head_size;
    memcpy(out + 4, head, head_size);
    memcpy(out + 4 + head_size, blob, blob_size);
    return 4 + head_size + blob_size;
}

static void test_pbf_refuses_a_feature_it_lacks(void **state)
{
    (void)state;
    uint8_t blob[64] = "\x0a\x17\x22\x15HistoricalInformation", file[128];
    struct geo_error error;
    assert_int_equal(attempt(file, header_file(file, blob, 25), &error), GEO_INVALID);
    assert_non_null(strstr(error.text, "HistoricalInformation"));
}

static void test_pbf_refuses_bombs_and_lies(void **state)
{
    (void)state;
    static uint8_t zeros[1 << 20], packed[1 << 12], blob[1 << 13], file[1 << 14];
    struct geo_error error;
    uLongf packed_size = sizeof packed;
    assert_int_equal(compress(packed, &packed_size, zeros, sizeof zeros), Z_OK);
    static const uint64_t claims[] = {UINT64_MAX, UINT64_C(1) << 32, (32 << 20) + 1, (1 << 20) - 1, (1 << 20) + 1, 0};
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++) {
        size_t size = 0;
        blob[size++] = 0x10;
        size += put_varint(blob + size, claims[i]);
        blob[size++] = 0x1a;
        size += put_varint(blob + size, packed_size);
        memcpy(blob + size, packed, packed_size);
        size += packed_size;
        assert_int_equal(attempt(file, header_file(file, blob, size), &error), GEO_INVALID);
        assert_non_null(strstr(error.text, "at byte 0"));
    }
    static const uint8_t long_blob[] = "\0\0\0\x11\x0a\x09OSMHeader\x18\xff\xff\xff\xff\x0f";
    assert_int_equal(attempt(long_blob, sizeof long_blob - 1, &error), GEO_INVALID);
}

/* Many sound blobs that unpack to far more than the file: the sum is bounded too. */
static void test_pbf_refuses_a_bomb_in_many_pieces(void **state)
{
    (void)state;
    enum { UNPACKED = 16 << 20, PIECES = 200 };
    uint8_t *zeros = calloc(1, UNPACKED), *packed = malloc(1 << 17), *file = malloc(PIECES * (1 << 17));
    assert_true(zeros && packed && file);
    /* field 3 of length-delimited zeros within a PrimitiveBlock is skipped: a sound, useless block */
    size_t at = 0;
    zeros[at++] = 0x1a;
    at += put_varint(zeros + at, UNPACKED - 5);
    uLongf packed_size = 1 << 17;
    assert_int_equal(compress(packed, &packed_size, zeros, UNPACKED), Z_OK);
    uint8_t empty[2] = {0x0a, 0};
    size_t size = header_file(file, empty, 2);
    for (int i = 0; i < PIECES; i++) {
        uint8_t blob[32], head[32] = "\x0a\x07OSMData\x18";
        size_t blob_size = 0, head_size = 10;
        blob[blob_size++] = 0x10;
        blob_size += put_varint(blob + blob_size, UNPACKED);
        blob[blob_size++] = 0x1a;
        blob_size += put_varint(blob + blob_size, packed_size);
        head_size += put_varint(head + head_size, blob_size + packed_size);
        memset(file + size, 0, 3);
        file[size + 3] = (uint8_t)head_size;
        memcpy(file + size + 4, head, head_size);
        memcpy(file + size + 4 + head_size, blob, blob_size);
        memcpy(file + size + 4 + head_size + blob_size, packed, packed_size);
        size += 4 + head_size + blob_size + packed_size;
    }
    struct geo_error error;
    assert_int_equal(attempt(file, size, &error), GEO_INVALID);
    assert_non_null(strstr(error.text, "bomb"));
    free(zeros);
    free(packed);
    free(file);
}

static void test_xml_refuses_what_is_not_osm(void **state)
{
    (void)state;
    static const char *const files[] = {
        "<?xml version='1.0'?><!DOCTYPE osm [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]><osm><node id='1' lat='1' lon='&b;'/></osm>",
        "<html><body/></html>",
        "<osm><way id='x'/></osm>",
        "<osm><way id='1'><nd ref='1'/><way id='2'/></way></osm>",
        "<osm><way id='1'><nd/></way></osm>",
        "<osm><way id='1'><tag k='highway'/></way></osm>",
        "<osm><way id='1'>",
        "<osm><node id='1' lat='1' lon='1'/></osm>",
        "<osm><way id='1'><nd ref='1'/><nd ref='2'/><tag k='highway' v='residential'/></way></osm>",
        "<",
        "",
        "not a map",
    };
    struct geo_error error;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) assert_int_equal(attempt((const uint8_t *)files[i], strlen(files[i]), &error), GEO_INVALID);
    assert_int_equal(attempt((const uint8_t *)files[2], strlen(files[2]), &error), GEO_INVALID);
    assert_non_null(strstr(error.text, "line 1"));
}

/* A grid of 5 x 5 nodes 100 m apart, that of index `astray` (-1: none) at 0, 0 instead, as XML. */
static struct geo_graph *grid(double lon_west, int astray, enum geo_status *rc)
{
    enum { SIDE = 5, SIZE = 16384 };
    char *text = malloc(SIZE);
    assert_non_null(text);
    size_t size = (size_t)snprintf(text, SIZE, "<osm>");
    for (int i = 0; i < SIDE * SIDE; i++) {
        double lon = lon_west + (i % SIDE) * 0.001, lat = 10 + (double)(i / SIDE) * 0.001;
        if (i == astray) lat = lon = 0;
        size += (size_t)snprintf(text + size, SIZE - size, "<node id='%d' lat='%.7f' lon='%.7f'/>", i + 1, lat, lon > 180 ? lon - 360 : lon);
    }
    for (int way = 0; way < 2 * SIDE; way++) {
        size += (size_t)snprintf(text + size, SIZE - size, "<way id='%d'>", way + 1);
        for (int i = 0; i < SIDE; i++) size += (size_t)snprintf(text + size, SIZE - size, "<nd ref='%d'/>", 1 + (way < SIDE ? way * SIDE + i : i * SIDE + way - SIDE));
        size += (size_t)snprintf(text + size, SIZE - size, "<tag k='highway' v='residential'/></way>");
    }
    size += (size_t)snprintf(text + size, SIZE - size, "</osm>");
    assert_true(size < SIZE);
    struct geo_graph *graph = NULL;
    struct geo_error error = {.text = ""};
    *rc = geo_osm_build_bytes((const uint8_t *)text, size, NULL, &graph, &error);
    free(text);
    return graph;
}

static void test_a_node_gone_astray_costs_its_own_roads_only(void **state)
{
    (void)state;
    enum geo_status rc;
    struct geo_graph *graph = grid(116, 12, &rc); /* the middle one, at 0, 0 */
    assert_int_equal(rc, GEO_OK);
    assert_true(graph->arc_count > 0);
    for (uint32_t i = 0; i < graph->node_count; i++) assert_true(graph->nodes[i].lat_e7 >= 100000000);
    geo_graph_free(graph);
}

static void test_roads_cross_the_antimeridian(void **state)
{
    (void)state;
    enum geo_status rc;
    struct geo_graph *here = grid(116, -1, &rc);
    assert_int_equal(rc, GEO_OK);
    struct geo_graph *there = grid(179.998, -1, &rc);
    assert_int_equal(rc, GEO_OK);
    assert_true(here->node_count == there->node_count && here->arc_count == there->arc_count);
    int64_t more = 0; /* decimetres; coordinates are rounded elsewhere, by one at most an arc */
    for (uint32_t i = 0; i < here->arc_count; i++) more += (int64_t)there->arcs[i].length_dm - here->arcs[i].length_dm;
    assert_in_range(more + here->arc_count, 0, 2 * (uint64_t)here->arc_count);
    geo_graph_free(here);
    geo_graph_free(there);
}

static void test_a_missing_file_is_an_io_error(void **state)
{
    (void)state;
    struct geo_graph *graph = NULL;
    struct geo_error error = {.text = ""};
    assert_int_equal(geo_osm_build("/nonexistent/city.osm.pbf", NULL, &graph, &error), GEO_IO);
    assert_int_equal(geo_osm_build("/tmp", NULL, &graph, &error), GEO_INVALID);
    assert_null(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pbf_refuses_cut_files),
        cmocka_unit_test(test_pbf_survives_flipped_bytes),
        cmocka_unit_test(test_pbf_refuses_a_feature_it_lacks),
        cmocka_unit_test(test_pbf_refuses_bombs_and_lies),
        cmocka_unit_test(test_pbf_refuses_a_bomb_in_many_pieces),
        cmocka_unit_test(test_xml_refuses_what_is_not_osm),
        cmocka_unit_test(test_a_node_gone_astray_costs_its_own_roads_only),
        cmocka_unit_test(test_roads_cross_the_antimeridian),
        cmocka_unit_test(test_a_missing_file_is_an_io_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
