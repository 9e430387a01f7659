/* Opening a map file: nothing in it is believed before it has been checked. */
#include "format.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static enum geo_status map_bytes(const char *path, struct geo_file *out, struct geo_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return geo_error_set(error, GEO_IO, "cannot open %s: %s", path, strerror(errno));
    struct stat status;
    enum geo_status rc = GEO_OK;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) rc = geo_error_set(error, GEO_INVALID, "%s is not a file", path);
    else if ((uint64_t)status.st_size < sizeof(struct file_header)) rc = geo_error_set(error, GEO_INVALID, "%s is too short for a map file", path);
    if (rc == GEO_OK) {
        void *data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED) rc = geo_error_set(error, GEO_IO, "cannot map %s: %s", path, strerror(errno));
        else {
            out->data = data;
            out->size = (uint64_t)status.st_size;
        }
    }
    close(fd);
    return rc;
}

static enum geo_status check_header(const struct geo_file *file, const struct file_header *header, struct geo_error *error)
{
    if (memcmp(header->magic, MAGIC, sizeof MAGIC) != 0) return geo_error_set(error, GEO_INVALID, "not a map file");
    if (header->version != GEO_FILE_VERSION)
        return geo_error_set(error, GEO_INVALID, "map file version %u, this program reads %d: build the map again", header->version, GEO_FILE_VERSION);
    if (header->checksum != geo_file_checksum(header, offsetof(struct file_header, checksum)))
        return geo_error_set(error, GEO_INVALID, "the map file's header is damaged");
    if (header->section_count != GEO_SECTION_COUNT || header->file_size != file->size)
        return geo_error_set(error, GEO_INVALID, "the map file has %llu bytes, its header says %llu: cut short or grown", (unsigned long long)file->size,
                             (unsigned long long)header->file_size);
    uint64_t at = sizeof *header;
    for (uint32_t i = 0; i < GEO_SECTION_COUNT; i++) {
        const struct section_entry *section = &header->sections[i];
        if (section->offset != at || section->size > file->size - at) return geo_error_set(error, GEO_INVALID, "section %u of the map file is out of bounds", i);
        at += (section->size + 7) & ~UINT64_C(7);
        if (at > file->size) return geo_error_set(error, GEO_INVALID, "section %u of the map file is out of bounds", i);
        for (uint64_t pad = section->offset + section->size; pad < at; pad++)
            if (file->data[pad]) return geo_error_set(error, GEO_INVALID, "section %u of the map file is damaged", i);
        if (section->checksum != geo_file_checksum(file->data + section->offset, section->size))
            return geo_error_set(error, GEO_INVALID, "section %u of the map file is damaged", i);
    }
    return at == file->size ? GEO_OK : geo_error_set(error, GEO_INVALID, "the map file has bytes that belong to nothing");
}

static bool has_size(const struct file_header *header, enum geo_section section, uint64_t count, uint64_t size)
{
    return header->sections[section].size == count * size;
}

static enum geo_status attach(struct geo_file *file, const struct file_header *header, struct geo_error *error)
{
    struct file_meta meta;
    if (!has_size(header, GEO_SECTION_META, 1, sizeof meta)) return geo_error_set(error, GEO_INVALID, "the map file's figures are missing");
    memcpy(&meta, file->data + header->sections[GEO_SECTION_META].offset, sizeof meta);
    uint64_t tree = (uint64_t)meta.leaf_count * sizeof(struct geo_tree_leaf) + (uint64_t)meta.box_count * sizeof(struct geo_tree_box);
    if (meta.profile >= GEO_PROFILE_COUNT || meta.node_count == 0 || meta.arc_count == 0 || meta.name_bytes == 0 || meta.leaf_count == 0 ||
        !has_size(header, GEO_SECTION_NODES, meta.node_count, sizeof(struct geo_point)) || !has_size(header, GEO_SECTION_ARCS, meta.arc_count, sizeof(struct geo_arc)) ||
        !has_size(header, GEO_SECTION_SHAPE, meta.shape_count, sizeof(struct geo_point)) || !has_size(header, GEO_SECTION_NAMES, meta.name_bytes, 1) ||
        !has_size(header, GEO_SECTION_TREE, tree, 1) || !has_size(header, GEO_SECTION_RANK, meta.node_count, sizeof(uint32_t)) ||
        !has_size(header, GEO_SECTION_UP_FIRST, (uint64_t)meta.node_count + 1, sizeof(uint32_t)) || !has_size(header, GEO_SECTION_UP_HEAD, meta.up_count, sizeof(uint32_t)) ||
        !has_size(header, GEO_SECTION_PLACE, meta.arc_count, sizeof(uint32_t)) || !has_size(header, GEO_SECTION_PIECES, meta.piece_count, sizeof(struct geo_piece)))
        return geo_error_set(error, GEO_INVALID, "the map file's figures and sections disagree");
    const uint8_t *at[GEO_SECTION_COUNT];
    for (int i = 0; i < GEO_SECTION_COUNT; i++) at[i] = file->data + header->sections[i].offset;
    /* the mapping is read-only; the graph's pointers are not const because the builder fills the same struct */
    file->graph = (struct geo_graph){
        .profile = (enum geo_profile)meta.profile, .node_count = meta.node_count, .arc_count = meta.arc_count, .shape_count = meta.shape_count,
        .name_bytes = meta.name_bytes, .nodes = (struct geo_point *)(uintptr_t)at[GEO_SECTION_NODES], .arcs = (struct geo_arc *)(uintptr_t)at[GEO_SECTION_ARCS],
        .shape = (struct geo_point *)(uintptr_t)at[GEO_SECTION_SHAPE], .names = (char *)(uintptr_t)at[GEO_SECTION_NAMES], .piece_count = meta.piece_count,
        .pieces = (struct geo_piece *)(uintptr_t)at[GEO_SECTION_PIECES], .stats = meta.stats};
    file->hierarchy = (struct geo_file_hierarchy){
        .arc_count = meta.up_count, .rank = (const uint32_t *)(const void *)at[GEO_SECTION_RANK], .up_first = (const uint32_t *)(const void *)at[GEO_SECTION_UP_FIRST],
        .up_head = (const uint32_t *)(const void *)at[GEO_SECTION_UP_HEAD], .place = (const uint32_t *)(const void *)at[GEO_SECTION_PLACE]};
    file->leaf_count = meta.leaf_count;
    file->box_count = meta.box_count;
    file->leaves = (const struct geo_tree_leaf *)(const void *)at[GEO_SECTION_TREE];
    file->boxes = (const struct geo_tree_box *)(const void *)(at[GEO_SECTION_TREE] + (uint64_t)meta.leaf_count * sizeof(struct geo_tree_leaf));
    return GEO_OK;
}

/* The sizes of the tree's levels follow from the number of leaves. */
static enum geo_status count_levels(struct geo_file *file, struct geo_error *error)
{
    uint32_t below = file->leaf_count, boxes = 0;
    file->level_count = 0;
    do {
        below = (below + GEO_TREE_FANOUT - 1) / GEO_TREE_FANOUT;
        boxes += below;
        file->level_count++;
    } while (below > 1);
    return boxes == file->box_count ? GEO_OK : geo_error_set(error, GEO_INVALID, "the map file's snap index has the wrong shape");
}

enum geo_status geo_file_open(const char *path, struct geo_file *out, struct geo_error *error)
{
    memset(out, 0, sizeof *out);
    enum geo_status rc = map_bytes(path, out, error);
    const struct file_header *header = (const struct file_header *)(const void *)out->data;
    if (rc == GEO_OK) rc = check_header(out, header, error);
    if (rc == GEO_OK) rc = attach(out, header, error);
    if (rc == GEO_OK) rc = count_levels(out, error);
    if (rc != GEO_OK) geo_file_close(out);
    return rc;
}

enum geo_status geo_file_check(const struct geo_file *file, struct geo_error *error)
{
    enum geo_status rc = geo_graph_check(&file->graph, error);
    if (rc != GEO_OK) return rc;
    for (uint32_t i = 0; i < file->leaf_count; i++) {
        const struct geo_tree_leaf *leaf = &file->leaves[i];
        if (leaf->arc >= file->graph.arc_count || leaf->segment >= file->graph.arcs[leaf->arc].shape_count - 1)
            return geo_error_set(error, GEO_INVALID, "leaf %u of the snap index names a segment that is not there", i);
    }
    return GEO_OK;
}

void geo_file_close(struct geo_file *file)
{
    if (file->data) munmap((void *)(uintptr_t)file->data, file->size);
    memset(file, 0, sizeof *file);
}
