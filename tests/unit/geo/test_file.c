/* Map files: what is written is read; what was cut, flipped or forged is refused. */
#include "random_graph.h"
#include "geo/file/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char PATH[] = "/tmp/geo-test-file.map"; /* made unlike others' by the process id below */
static char path[64];

struct bytes {
    uint8_t *data;
    size_t size;
};

static struct bytes read_bytes(const char *from)
{
    struct bytes bytes = {0};
    FILE *file = fopen(from, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    bytes.size = (size_t)ftell(file);
    rewind(file);
    bytes.data = malloc(bytes.size);
    assert_int_equal(fread(bytes.data, 1, bytes.size, file), bytes.size);
    fclose(file);
    return bytes;
}

static void write_bytes(const uint8_t *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static struct bytes written(const struct geo_graph *graph)
{
    struct geo_error error;
    snprintf(path, sizeof path, "%.*s.%ld", (int)sizeof PATH - 1, PATH, (long)getpid());
    assert_int_equal(geo_map_write(graph, path, &error), GEO_OK);
    return read_bytes(path);
}

static void expect_refused(const char *what, size_t at)
{
    struct geo_map *map = NULL;
    struct geo_error error = {0};
    if (geo_map_open(path, &map, &error) != GEO_INVALID) fail_msg("a map with %s at byte %zu was opened", what, at);
    assert_null(map);
    assert_true(error.text[0] != 0);
}

static void test_map_reads_what_was_written(void **context)
{
    (void)context;
    struct geo_graph *graph = random_graph(11, 30, 60, 5);
    graph->profile = GEO_CAR;
    graph->stats = (struct geo_graph_stats){1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    struct bytes bytes = written(graph);
    struct geo_map *map;
    struct geo_error error;
    assert_int_equal(geo_map_check(path, &error), GEO_OK);
    assert_int_equal(geo_map_open(path, &map, &error), GEO_OK);
    const struct geo_graph *read = geo_map_graph(map);
    assert_int_equal(read->profile, GEO_CAR);
    assert_int_equal(read->node_count, graph->node_count);
    assert_int_equal(read->arc_count, graph->arc_count);
    assert_int_equal(read->shape_count, graph->shape_count);
    assert_memory_equal(read->nodes, graph->nodes, graph->node_count * sizeof *graph->nodes);
    assert_memory_equal(read->arcs, graph->arcs, graph->arc_count * sizeof *graph->arcs);
    assert_memory_equal(read->shape, graph->shape, graph->shape_count * sizeof *graph->shape);
    assert_memory_equal(read->names, graph->names, graph->name_bytes);
    struct geo_map_info info;
    geo_map_info(map, &info);
    assert_int_equal(info.bytes, bytes.size);
    assert_int_equal(info.arc_count, graph->arc_count);
    assert_memory_equal(&info.stats, &graph->stats, sizeof info.stats);
    for (uint32_t a = 0; a < graph->arc_count; a++) {
        if (!graph->arcs[a].snappable) continue;
        struct geo_point at = graph->nodes[graph->arcs[a].tail];
        assert_in_range(at.lat_e7, info.south_west.lat_e7, info.north_east.lat_e7);
        assert_in_range(at.lon_e7, info.south_west.lon_e7, info.north_east.lon_e7);
    }
    geo_map_unref(map);
    free(bytes.data);
    geo_graph_free(graph);
    unlink(path);
}

static void test_map_of_the_same_graph_has_the_same_bytes(void **context)
{
    (void)context;
    struct geo_graph *graph = random_graph(12, 20, 40, 3), *again = random_graph(12, 20, 40, 3);
    struct bytes first = written(graph), second = written(again);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    free(first.data);
    free(second.data);
    geo_graph_free(graph);
    geo_graph_free(again);
    unlink(path);
}

static void test_map_cut_anywhere_is_refused(void **context)
{
    (void)context;
    struct geo_graph *graph = random_graph(13, 6, 8, 1);
    struct bytes bytes = written(graph);
    for (size_t size = 0; size < bytes.size; size++) {
        write_bytes(bytes.data, size);
        expect_refused("its end cut", size);
    }
    uint8_t *longer = calloc(1, bytes.size + 8);
    memcpy(longer, bytes.data, bytes.size);
    write_bytes(longer, bytes.size + 8);
    expect_refused("bytes added", bytes.size);
    free(longer);
    free(bytes.data);
    geo_graph_free(graph);
    unlink(path);
}

static void test_map_with_any_bit_flipped_is_refused(void **context)
{
    (void)context;
    struct geo_graph *graph = random_graph(14, 5, 6, 1);
    struct bytes bytes = written(graph);
    for (size_t at = 0; at < bytes.size; at++) {
        for (int bit = 0; bit < 8; bit++) {
            bytes.data[at] ^= (uint8_t)(1 << bit);
            write_bytes(bytes.data, bytes.size);
            expect_refused("a flipped bit", at);
            bytes.data[at] ^= (uint8_t)(1 << bit);
        }
    }
    write_bytes(bytes.data, bytes.size);
    struct geo_error error;
    assert_int_equal(geo_map_check(path, &error), GEO_OK);
    free(bytes.data);
    geo_graph_free(graph);
    unlink(path);
}

/* As someone would who knows the format: every checksum right again. */
static void forge_sums(struct bytes *bytes)
{
    struct file_header header;
    memcpy(&header, bytes->data, sizeof header);
    for (int i = 0; i < GEO_SECTION_COUNT; i++) {
        struct section_entry *section = &header.sections[i];
        if (section->offset <= bytes->size && section->size <= bytes->size - section->offset)
            section->checksum = geo_file_checksum(bytes->data + section->offset, section->size);
    }
    header.checksum = geo_file_checksum(&header, offsetof(struct file_header, checksum));
    memcpy(bytes->data, &header, sizeof header);
}

/* What opens stays inside its arrays, whatever is asked; what check passes is a sound map. */
static void use(struct geo_map *map)
{
    struct geo_metric *metric;
    assert_int_equal(geo_metric_new(map, &metric, NULL), GEO_OK);
    struct geo_scratch *scratch = geo_scratch_new(map);
    assert_non_null(scratch);
    struct geo_snap stops[4];
    uint32_t count = geo_snap_candidates(map, (struct geo_point){399100000, 1164100000}, 5000000, stops, 4), ms;
    for (uint32_t i = 0; i < count; i++) {
        struct geo_route route;
        if (geo_route_find(metric, scratch, &stops[i], &stops[count - 1 - i], &route, NULL) == GEO_OK) geo_route_free(&route);
        struct geo_label *label;
        if (geo_label_new(metric, scratch, &stops[i], &label) != GEO_OK) continue;
        geo_label_from(label, scratch, &stops[0], &ms, NULL);
        geo_label_free(label);
    }
    geo_scratch_free(scratch);
    geo_metric_unref(metric);
}

static void test_map_forged_with_right_sums_does_no_harm(void **context)
{
    (void)context;
    uint64_t state = 15;
    struct geo_graph *graph = random_graph(15, 6, 12, 2);
    struct bytes bytes = written(graph), forged = {malloc(bytes.size), bytes.size};
    uint32_t opened = 0, sound = 0;
    for (int round = 0; round < 6000; round++) {
        memcpy(forged.data, bytes.data, bytes.size);
        for (uint32_t flips = 1 + random_below(&state, 3); flips > 0; flips--) {
            static const uint32_t VALUES[] = {0, 1, 2, 255, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
            size_t at = random_below(&state, (uint32_t)bytes.size / 4) * 4;
            uint32_t value = random_below(&state, 2) ? VALUES[random_below(&state, 8)] : random_below(&state, 64);
            memcpy(forged.data + at, &value, sizeof value);
        }
        forge_sums(&forged);
        write_bytes(forged.data, forged.size);
        struct geo_map *map;
        struct geo_error error = {0};
        if (geo_map_open(path, &map, &error) == GEO_OK) {
            opened++;
            use(map);
            geo_map_unref(map);
        } else {
            assert_true(error.text[0] != 0);
        }
        sound += geo_map_check(path, &error) == GEO_OK;
    }
    assert_true(opened > 500 && sound < opened); /* the test reaches behind the sums, and check sees more than open */
    free(forged.data);
    free(bytes.data);
    geo_graph_free(graph);
    unlink(path);
}

static void test_map_of_another_version_says_so(void **context)
{
    (void)context;
    struct geo_graph *graph = random_graph(16, 5, 6, 0);
    struct bytes bytes = written(graph);
    bytes.data[offsetof(struct file_header, version)]++;
    forge_sums(&bytes);
    write_bytes(bytes.data, bytes.size);
    struct geo_map *map;
    struct geo_error error;
    assert_int_equal(geo_map_open(path, &map, &error), GEO_INVALID);
    assert_non_null(strstr(error.text, "version 4"));
    free(bytes.data);
    geo_graph_free(graph);
    unlink(path);
}

static void test_map_that_cannot_be_had_says_why(void **context)
{
    (void)context;
    struct geo_map *map;
    struct geo_error error;
    struct geo_graph *graph = random_graph(17, 5, 6, 0);
    assert_int_equal(geo_map_open("/tmp/no-such-folder/x.map", &map, &error), GEO_IO);
    assert_non_null(strstr(error.text, "/tmp/no-such-folder/x.map"));
    assert_int_equal(geo_map_open("/tmp", &map, &error), GEO_INVALID);
    assert_int_equal(geo_map_write(graph, "/tmp/no-such-folder/x.map", &error), GEO_IO);
    assert_non_null(strstr(error.text, "/tmp/no-such-folder/x.map"));
    graph->arcs[0].head = graph->node_count;
    assert_int_equal(geo_map_write(graph, "/tmp/never.map", &error), GEO_INVALID);
    assert_int_not_equal(access("/tmp/never.map", F_OK), 0);
    geo_graph_free(graph);
}

static void test_map_export_names_every_node_and_arc(void **context)
{
    (void)context;
    struct geo_graph *graph = random_graph(18, 9, 15, 2);
    struct open_map open;
    open_map_init(&open, graph);
    char prefix[64], name[80], line[128];
    struct geo_error error;
    snprintf(prefix, sizeof prefix, "/tmp/geo-test-%ld", (long)getpid());
    assert_int_equal(geo_map_export_dimacs(open.map, prefix, &error), GEO_OK);
    snprintf(name, sizeof name, "%s.gr", prefix);
    FILE *file = fopen(name, "r");
    uint32_t nodes = 0, arcs = 0, tail, head, ms, a = 0;
    while (fgets(line, sizeof line, file)) {
        if (line[0] == 'p') assert_int_equal(sscanf(line, "p sp %u %u", &nodes, &arcs), 2);
        if (line[0] != 'a') continue;
        assert_int_equal(sscanf(line, "a %u %u %u", &tail, &head, &ms), 3);
        assert_true(a < graph->arc_count && tail == graph->arcs[a].tail + 1 && head == graph->arcs[a].head + 1 && ms == graph->arcs[a].turn_ms + graph->arcs[a].travel_ms);
        a++;
    }
    fclose(file);
    unlink(name);
    assert_int_equal(nodes, graph->node_count);
    assert_int_equal(arcs, graph->arc_count);
    assert_int_equal(a, graph->arc_count);
    snprintf(name, sizeof name, "%s.co", prefix);
    file = fopen(name, "r");
    uint32_t n = 0, node;
    int lon, lat;
    while (fgets(line, sizeof line, file)) {
        if (line[0] != 'v') continue;
        assert_int_equal(sscanf(line, "v %u %d %d", &node, &lon, &lat), 3);
        assert_true(node == ++n && lat == graph->nodes[n - 1].lat_e7 / 10 && lon == graph->nodes[n - 1].lon_e7 / 10);
    }
    fclose(file);
    unlink(name);
    assert_int_equal(n, graph->node_count);
    assert_int_equal(geo_map_export_dimacs(open.map, "/tmp/no-such-folder/x", &error), GEO_IO);
    open_map_deinit(&open);
    geo_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map_reads_what_was_written),
        cmocka_unit_test(test_map_of_the_same_graph_has_the_same_bytes),
        cmocka_unit_test(test_map_cut_anywhere_is_refused),
        cmocka_unit_test(test_map_with_any_bit_flipped_is_refused),
        cmocka_unit_test(test_map_forged_with_right_sums_does_no_harm),
        cmocka_unit_test(test_map_of_another_version_says_so),
        cmocka_unit_test(test_map_that_cannot_be_had_says_why),
        cmocka_unit_test(test_map_export_names_every_node_and_arc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
