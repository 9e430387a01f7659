/* Map files from an enemy: raw bytes, or a sound map patched in places with every checksum made right again. What opens is then used
 * without harm; what geo_map_check approves of must also answer every kind of question alike. */
#include "random_graph.h"
#include "geo/file/format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static uint8_t *sound;
static size_t sound_size;
static int descriptor;
static char path[64];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    char seed_path[64];
    struct geo_error error;
    struct geo_graph *graph = random_graph(15, 6, 12, 2);
    snprintf(seed_path, sizeof seed_path, "/tmp/geo-fuzz-%ld.map", (long)getpid());
    if (geo_map_write(graph, seed_path, &error) != GEO_OK) abort();
    FILE *file = fopen(seed_path, "rb");
    sound = malloc(1 << 20);
    sound_size = fread(sound, 1, 1 << 20, file);
    fclose(file);
    unlink(seed_path);
    geo_graph_free(graph);
    descriptor = memfd_create("map", MFD_CLOEXEC);
    if (descriptor < 0) abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    return 0;
}

static void put(const uint8_t *data, size_t size)
{
    if (ftruncate(descriptor, 0) != 0 || pwrite(descriptor, data, size, 0) != (ssize_t)size) abort();
}

static void put_patched(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(sound_size);
    memcpy(copy, sound, sound_size);
    for (; size >= 6; data += 6, size -= 6) {
        size_t at = ((size_t)data[0] | (size_t)data[1] << 8) * 4 % (sound_size - 3);
        memcpy(copy + at, data + 2, 4);
    }
    struct file_header header;
    memcpy(&header, copy, sizeof header);
    for (int i = 0; i < GEO_SECTION_COUNT; i++) {
        struct section_entry *section = &header.sections[i];
        if (section->offset <= sound_size && section->size <= sound_size - section->offset)
            section->checksum = geo_file_checksum(copy + section->offset, section->size);
    }
    header.checksum = geo_file_checksum(&header, offsetof(struct file_header, checksum));
    memcpy(copy, &header, sizeof header);
    put(copy, sound_size);
    free(copy);
}

static void use(struct geo_map *map, bool sound_as_told)
{
    struct geo_metric *metric;
    struct geo_scratch *scratch = geo_scratch_new(map);
    if (!scratch || geo_metric_new(map, &metric, NULL) != GEO_OK) abort();
    struct geo_snap stops[4];
    uint32_t count = geo_snap_candidates(map, (struct geo_point){399100000, 1164100000}, 5000000, stops, 4), ms[16], dm[16];
    if (geo_matrix(metric, scratch, stops, count, stops, count, ms, dm) != GEO_OK) abort();
    for (uint32_t i = 0; i < count; i++) {
        struct geo_route route;
        struct geo_label *label;
        uint32_t label_ms, label_dm;
        if (geo_route_find(metric, scratch, &stops[i], &stops[count - 1 - i], &route, NULL) == GEO_OK) {
            if (sound_as_told && route.travel_ms != ms[i * count + count - 1 - i]) abort();
            geo_route_free(&route);
        }
        if (geo_label_new(metric, scratch, &stops[i], &label) != GEO_OK) abort();
        geo_label_from(label, scratch, &stops[0], &label_ms, &label_dm);
        if (sound_as_told && label_ms != ms[i]) abort();
        geo_label_free(label);
    }
    geo_scratch_free(scratch);
    geo_metric_unref(metric);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    if (data[0] & 1) put(data + 1, size - 1);
    else put_patched(data + 1, size - 1);
    struct geo_map *map;
    struct geo_error error;
    enum geo_status checked = geo_map_check(path, &error);
    if (geo_map_open(path, &map, &error) == GEO_OK) {
        use(map, checked == GEO_OK);
        geo_map_unref(map);
    } else if (checked == GEO_OK) {
        abort();
    }
    return 0;
}
