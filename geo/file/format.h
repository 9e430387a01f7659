/* The bytes of a map file, shared by writing and reading. */
#ifndef GEO_FILE_FORMAT_H
#define GEO_FILE_FORMAT_H

#include "geo_file/geo_file.h"

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
    uint32_t profile, node_count, arc_count, shape_count, name_bytes, leaf_count, box_count, spare;
    struct geo_graph_stats stats;
};

#endif
