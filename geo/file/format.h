/* The bytes of a map file, shared by writing and reading. */
#ifndef GEO_FILE_FORMAT_H
#define GEO_FILE_FORMAT_H

#include "geo_file/geo_file.h"

#include <assert.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "map files are little-endian and mapped as they are");
static_assert(sizeof(struct geo_arc) == 56 && sizeof(struct geo_point) == 8 && sizeof(struct geo_tree_leaf) == 32 && sizeof(struct geo_piece) == 16, "the file holds these structs: a change of them is a new GEO_FILE_VERSION");

static const char MAGIC[8] = {'M', 'D', 'M', 'A', 'P', 0x1a, '\n', 0};

struct section_entry {
    uint64_t offset, size, checksum;
};

struct file_header {
    char magic[8];
    uint32_t version, section_count;
    uint64_t file_size;
    struct section_entry sections[GEO_SECTION_COUNT];
    uint64_t checksum;                /* of all before it */
};

struct file_meta {
    uint32_t profile, node_count, arc_count, shape_count, name_bytes, leaf_count, box_count, up_count, piece_count, spare;
    struct geo_graph_stats stats;
};

#endif
