/* Made-up cities: the same bytes for the same seed, valid to other people's tools, connected, with all that was promised in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "geo_osm/geo_osm.h"
#include "geo_synth/geo_synth.h"

static char folder[] = "/tmp/geo_synth_XXXXXX";
static char path[64], other[64];

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) return -1;
    (void)snprintf(path, sizeof path, "%s/city.osm.pbf", folder);
    (void)snprintf(other, sizeof other, "%s/other.osm.pbf", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)unlink(path);
    (void)unlink(other);
    return rmdir(folder);
}

static uint8_t *slurp(const char *name, size_t *size)
{
    FILE *in = fopen(name, "rb");
    uint8_t *data = malloc(16 << 20);
    assert_true(in && data);
    *size = fread(data, 1, 16 << 20, in);
    (void)fclose(in);
    return data;
}

static void test_synth_is_its_seed(void **state)
{
    (void)state;
    struct geo_error error = {.text = ""};
    size_t first_size = 0, second_size = 0;
    assert_int_equal(geo_synth_write(path, 11, 3000, &error), GEO_OK);
    assert_int_equal(geo_synth_write(other, 11, 3000, &error), GEO_OK);
    uint8_t *first = slurp(path, &first_size), *second = slurp(other, &second_size);
    assert_int_equal(first_size, second_size);
    assert_memory_equal(first, second, first_size);
    free(second);
    assert_int_equal(geo_synth_write(other, 12, 3000, &error), GEO_OK);
    second = slurp(other, &second_size);
    assert_true(first_size != second_size || memcmp(first, second, first_size) != 0);
    free(first);
    free(second);
}

static void test_synth_makes_a_city(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {GEO_SYNTH_SIZE_MIN, 777, 6000, 30000};
    for (uint64_t seed = 1; seed <= 3; seed++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            struct geo_error error = {.text = ""};
            struct geo_graph *graph = NULL;
            assert_int_equal(geo_synth_write(path, seed, sizes[i], &error), GEO_OK);
            assert_int_equal(geo_osm_build(path, NULL, &graph, &error), GEO_OK);
            assert_in_range(graph->stats.nodes_before, sizes[i] * 8 / 10, sizes[i] * 18 / 10);
            assert_true(graph->stats.nodes_dropped * 20 < graph->node_count);
            if (sizes[i] >= 6000) assert_true(graph->stats.restrictions_obeyed > 50);
            bool one_way = false, gated = false, named = false;
            for (uint32_t k = 0; k < graph->arc_count; k++) {
                one_way = one_way || graph->arcs[k].reverse == GEO_NONE;
                gated = gated || graph->arcs[k].road_class == GEO_CLASS_SERVICE;
                named = named || strstr(graph->names + graph->arcs[k].name, "路") != NULL;
            }
            assert_true(named);
            if (sizes[i] >= 777) assert_true(one_way && gated);
            geo_graph_free(graph);
        }
    }
}

static void test_synth_refuses_sizes_out_of_bounds(void **state)
{
    (void)state;
    struct geo_error error = {.text = ""};
    assert_int_equal(geo_synth_write(path, 1, GEO_SYNTH_SIZE_MIN - 1, &error), GEO_INVALID);
    assert_int_equal(geo_synth_write(path, 1, GEO_SYNTH_SIZE_MAX + 1, &error), GEO_INVALID);
    assert_int_equal(geo_synth_write("/nonexistent/x.osm.pbf", 1, 1000, &error), GEO_IO);
}

/* Runs osmium quietly; -1 if it is not installed. */
static int osmium(const char *verb, const char *option)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr)) _exit(126);
        (void)execlp("osmium", "osmium", verb, option, path, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status) == 127 ? -1 : WEXITSTATUS(status);
}

static void test_synth_is_valid_to_osmium(void **state)
{
    (void)state;
    struct geo_error error = {.text = ""};
    assert_int_equal(geo_synth_write(path, 5, 9000, &error), GEO_OK);
    int answer = osmium("fileinfo", "-e");
    if (answer < 0) {
        print_message("osmium is not installed: skipped\n");
        skip();
    }
    assert_int_equal(answer, 0);
    assert_int_equal(osmium("check-refs", "-r"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_synth_is_its_seed),
        cmocka_unit_test(test_synth_makes_a_city),
        cmocka_unit_test(test_synth_refuses_sizes_out_of_bounds),
        cmocka_unit_test(test_synth_is_valid_to_osmium),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
