/* Writing a map file: aside, synced, renamed, so that a reader never sees half of one. */
#include "format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A multiply-and-rotate checksum over 8-byte words, four lanes: catches any flipped bit, runs at memory speed. Not against forgery. */
uint64_t geo_file_checksum(const void *data, uint64_t size)
{
    const uint64_t PRIME = UINT64_C(0x9e3779b97f4a7c15), MIX = UINT64_C(0xbf58476d1ce4e5b9);
    const uint8_t *at = data;
    uint64_t lane[4] = {1 + size, 2, 3, 4};
    for (; size >= 32; at += 32, size -= 32) {
        uint64_t word[4];
        memcpy(word, at, sizeof word);
        for (int i = 0; i < 4; i++) {
            lane[i] = (lane[i] ^ word[i]) * PRIME;
            lane[i] = (lane[i] << 29) | (lane[i] >> 35);
        }
    }
    for (int i = 0; size > 0; i++) {
        uint64_t word = 0, take = size < 8 ? size : 8;
        memcpy(&word, at, take);
        lane[i & 3] = (lane[i & 3] ^ word) * PRIME;
        lane[i & 3] = (lane[i & 3] << 29) | (lane[i & 3] >> 35);
        at += take;
        size -= take;
    }
    uint64_t sum = 0;
    for (int i = 0; i < 4; i++) {
        sum = (sum ^ lane[i]) * MIX;
        sum ^= sum >> 31;
    }
    return sum;
}

static uint64_t aligned(uint64_t size)
{
    return (size + 7) & ~UINT64_C(7);
}

static int write_all(int fd, const void *data, uint64_t size)
{
    const uint8_t *at = data;
    while (size > 0) {
        ssize_t count = write(fd, at, size < (1u << 30) ? size : (1u << 30));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return 0;
        at += count;
        size -= (uint64_t)count;
    }
    return 1;
}

struct part {
    const void *data;
    uint64_t size;
};

static int write_parts(int fd, const struct file_header *header, const struct part *parts)
{
    static const uint8_t PADDING[8];
    if (!write_all(fd, header, sizeof *header)) return 0;
    for (int i = 0; i < GEO_SECTION_COUNT; i++) {
        if (!write_all(fd, parts[i].data, parts[i].size) || !write_all(fd, PADDING, aligned(parts[i].size) - parts[i].size)) return 0;
    }
    return fsync(fd) == 0;
}

static void fill_header(struct file_header *header, const struct part *parts)
{
    memset(header, 0, sizeof *header);
    memcpy(header->magic, MAGIC, sizeof MAGIC);
    header->version = GEO_FILE_VERSION;
    header->section_count = GEO_SECTION_COUNT;
    uint64_t offset = sizeof *header;
    for (int i = 0; i < GEO_SECTION_COUNT; i++) {
        header->sections[i] = (struct section_entry){offset, parts[i].size, geo_file_checksum(parts[i].data, parts[i].size)};
        offset += aligned(parts[i].size);
    }
    header->file_size = offset;
    header->checksum = geo_file_checksum(header, offsetof(struct file_header, checksum));
}

/* The tree's section: leaves, then boxes. */
static uint8_t *join_tree(const struct geo_tree_leaf *leaves, uint32_t leaf_count, const struct geo_tree_box *boxes, uint32_t box_count, uint64_t *size)
{
    uint64_t leaf_bytes = (uint64_t)leaf_count * sizeof *leaves, box_bytes = (uint64_t)box_count * sizeof *boxes;
    uint8_t *tree = malloc(leaf_bytes + box_bytes + 1);
    if (!tree) return NULL;
    if (leaf_bytes) memcpy(tree, leaves, leaf_bytes);
    if (box_bytes) memcpy(tree + leaf_bytes, boxes, box_bytes);
    *size = leaf_bytes + box_bytes;
    return tree;
}

/* A rename lasts once its folder is on disk. */
static int sync_folder(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash) slash[slash == path] = 0;
    int fd = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return 0;
    int synced = fsync(fd) == 0;
    return close(fd) == 0 && synced;
}

static enum geo_status write_file(const char *path, const struct file_header *header, const struct part *parts, struct geo_error *error)
{
    size_t length = strlen(path) + 32;
    char *aside = malloc(length);
    if (!aside) return geo_error_set(error, GEO_NO_MEMORY, "no memory");
    snprintf(aside, length, "%s.part%ld", path, (long)getpid());
    enum geo_status rc = GEO_OK;
    int fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    int written = fd >= 0 && write_parts(fd, header, parts);
    if (fd >= 0 && close(fd) != 0) written = 0;
    if (!written || rename(aside, path) != 0) {
        rc = geo_error_set(error, GEO_IO, "cannot write %s: %s", path, strerror(errno));
        unlink(aside);
    } else if (!sync_folder(aside)) {
        rc = geo_error_set(error, GEO_IO, "cannot sync the folder of %s: %s", path, strerror(errno));
    }
    free(aside);
    return rc;
}

enum geo_status geo_file_write(const struct geo_graph *graph, const struct geo_tree_leaf *leaves, uint32_t leaf_count, const struct geo_tree_box *boxes,
                               uint32_t box_count, const struct geo_file_hierarchy *hierarchy, const char *path, struct geo_error *error)
{
    struct file_meta meta;
    memset(&meta, 0, sizeof meta); /* padding too: the same graph gives the same bytes */
    meta.profile = (uint32_t)graph->profile;
    meta.node_count = graph->node_count;
    meta.arc_count = graph->arc_count;
    meta.shape_count = graph->shape_count;
    meta.name_bytes = graph->name_bytes;
    meta.leaf_count = leaf_count;
    meta.box_count = box_count;
    meta.up_count = hierarchy->arc_count;
    meta.piece_count = graph->piece_count;
    meta.stats.osm_nodes = graph->stats.osm_nodes;
    meta.stats.osm_ways = graph->stats.osm_ways;
    meta.stats.osm_relations = graph->stats.osm_relations;
    meta.stats.restrictions_obeyed = graph->stats.restrictions_obeyed;
    meta.stats.restrictions_ignored = graph->stats.restrictions_ignored;
    meta.stats.restrictions_conditional = graph->stats.restrictions_conditional;
    meta.stats.nodes_before = graph->stats.nodes_before;
    meta.stats.arcs_before = graph->stats.arcs_before;
    meta.stats.junctions_charged = graph->stats.junctions_charged;
    meta.stats.nodes_restricted = graph->stats.nodes_restricted;
    meta.stats.nodes_dropped = graph->stats.nodes_dropped;
    uint64_t tree_size = 0;
    uint8_t *tree = join_tree(leaves, leaf_count, boxes, box_count, &tree_size);
    if (!tree) return geo_error_set(error, GEO_NO_MEMORY, "no memory for the snap index");
    struct part parts[GEO_SECTION_COUNT] = {
        [GEO_SECTION_META] = {&meta, sizeof meta},
        [GEO_SECTION_NODES] = {graph->nodes, (uint64_t)graph->node_count * sizeof *graph->nodes},
        [GEO_SECTION_ARCS] = {graph->arcs, (uint64_t)graph->arc_count * sizeof *graph->arcs},
        [GEO_SECTION_SHAPE] = {graph->shape, (uint64_t)graph->shape_count * sizeof *graph->shape},
        [GEO_SECTION_NAMES] = {graph->names, graph->name_bytes},
        [GEO_SECTION_TREE] = {tree, tree_size},
        [GEO_SECTION_RANK] = {hierarchy->rank, (uint64_t)graph->node_count * sizeof *hierarchy->rank},
        [GEO_SECTION_UP_FIRST] = {hierarchy->up_first, ((uint64_t)graph->node_count + 1) * sizeof *hierarchy->up_first},
        [GEO_SECTION_UP_HEAD] = {hierarchy->up_head, (uint64_t)hierarchy->arc_count * sizeof *hierarchy->up_head},
        [GEO_SECTION_PLACE] = {hierarchy->place, (uint64_t)graph->arc_count * sizeof *hierarchy->place},
        [GEO_SECTION_PIECES] = {graph->pieces, (uint64_t)graph->piece_count * sizeof *graph->pieces},
    };
    struct file_header header;
    fill_header(&header, parts);
    enum geo_status rc = write_file(path, &header, parts, error);
    free(tree);
    return rc;
}
