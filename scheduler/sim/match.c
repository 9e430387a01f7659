/* Every row has a last resort of its own, dearer than any pair, so all rows can be matched and the shortest path decides who is left out. */
#include "match.h"

#include <stdlib.h>
#include <string.h>

#define LAST_RESORT (INT64_C(1) << 42)
#define FAR         INT64_MAX

struct pair {
    uint32_t column;
    int64_t cost;
};

struct match {
    uint32_t rows, columns;           /* columns, then a last resort for each row */
    uint32_t *first;                  /* row r's pairs are pairs[first[r]] .. pairs[first[r + 1] - 1] */
    struct pair *pairs;
    uint32_t pair_count, pair_capacity, rows_added;
    uint32_t *column_of, *row_of;
    int64_t *row_price, *column_price;
};

struct match *match_new(uint32_t rows, uint32_t columns)
{
    struct match *match = mem_zalloc(1, sizeof *match);
    match->rows = rows;
    match->columns = columns + rows;
    match->first = mem_zalloc(rows + 2, sizeof *match->first);
    match->column_of = mem_zalloc(rows + 1, sizeof *match->column_of);
    match->row_of = mem_zalloc(match->columns + 1, sizeof *match->row_of);
    match->row_price = mem_zalloc(rows + 1, sizeof *match->row_price);
    match->column_price = mem_zalloc(match->columns + 1, sizeof *match->column_price);
    return match;
}

void match_free(struct match *match)
{
    if (!match) return;
    free(match->first);
    free(match->pairs);
    free(match->column_of);
    free(match->row_of);
    free(match->row_price);
    free(match->column_price);
    free(match);
}

static void push(struct match *match, uint32_t column, int64_t cost)
{
    if (match->pair_count == match->pair_capacity) {
        match->pair_capacity = match->pair_capacity ? 2 * match->pair_capacity : 256;
        match->pairs = mem_realloc(match->pairs, match->pair_capacity, sizeof *match->pairs);
    }
    match->pairs[match->pair_count++] = (struct pair){column, cost};
}

/* Close rows up to `row` with their last resorts. */
static void close_rows(struct match *match, uint32_t row)
{
    for (; match->rows_added < row; match->rows_added++) {
        push(match, match->columns - match->rows + match->rows_added, LAST_RESORT);
        match->first[match->rows_added + 1] = match->pair_count;
    }
}

void match_add(struct match *match, uint32_t row, uint32_t column, int64_t cost)
{
    ASSERT(row < match->rows && row >= match->rows_added && column < match->columns - match->rows);
    ASSERT(cost >= 0 && cost < LAST_RESORT / 4);
    close_rows(match, row);
    push(match, column, cost);
}

struct node {
    int64_t far;
    uint32_t column;
};

/* A binary heap of columns by distance; stale entries are passed over. */
struct heap {
    struct node *nodes;
    uint32_t count, capacity;
};

static void heap_push(struct heap *heap, struct node node)
{
    if (heap->count == heap->capacity) {
        heap->capacity = heap->capacity ? 2 * heap->capacity : 256;
        heap->nodes = mem_realloc(heap->nodes, heap->capacity, sizeof *heap->nodes);
    }
    uint32_t i = heap->count++;
    for (; i > 0 && (heap->nodes[(i - 1) / 2].far > node.far || (heap->nodes[(i - 1) / 2].far == node.far && heap->nodes[(i - 1) / 2].column > node.column)); i = (i - 1) / 2)
        heap->nodes[i] = heap->nodes[(i - 1) / 2];
    heap->nodes[i] = node;
}

static struct node heap_pop(struct heap *heap)
{
    struct node top = heap->nodes[0], last = heap->nodes[--heap->count];
    uint32_t i = 0;
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= heap->count) break;
        const struct node *a = &heap->nodes[child], *b = child + 1 < heap->count ? &heap->nodes[child + 1] : a;
        if (b->far < a->far || (b->far == a->far && b->column < a->column)) child++;
        const struct node *least = &heap->nodes[child];
        if (last.far < least->far || (last.far == least->far && last.column <= least->column)) break;
        heap->nodes[i] = *least;
        i = child;
    }
    heap->nodes[i] = last;
    return top;
}

struct search {
    int64_t *far;                     /* per column */
    uint32_t *through;                /* per column: the row it was reached from */
    uint32_t *seen, seen_count;       /* columns touched */
    bool *done;
    struct heap heap;
};

static void relax_row(const struct match *match, struct search *search, uint32_t row, int64_t base)
{
    for (uint32_t p = match->first[row]; p < match->first[row + 1]; p++) {
        uint32_t column = match->pairs[p].column;
        int64_t far = base + match->pairs[p].cost - match->row_price[row] - match->column_price[column];
        if (search->done[column] || far >= search->far[column]) continue;
        if (search->far[column] == FAR) search->seen[search->seen_count++] = column;
        search->far[column] = far;
        search->through[column] = row;
        heap_push(&search->heap, (struct node){far, column});
    }
}

/* Dijkstra with reduced costs from a free row to the nearest free column; then prices and pairs along the path change. */
static void augment(struct match *match, struct search *search, uint32_t row)
{
    search->seen_count = search->heap.count = 0;
    relax_row(match, search, row, 0);
    uint32_t end = MATCH_NONE;
    int64_t far = 0;
    while (end == MATCH_NONE) {
        ASSERT(search->heap.count > 0); /* the last resort is always free */
        struct node node = heap_pop(&search->heap);
        if (search->done[node.column] || node.far != search->far[node.column]) continue;
        search->done[node.column] = true;
        far = node.far;
        if (match->row_of[node.column] == MATCH_NONE) end = node.column;
        else relax_row(match, search, match->row_of[node.column], far);
    }
    match->row_price[row] += far;
    for (uint32_t i = 0; i < search->seen_count; i++) {
        uint32_t column = search->seen[i];
        if (search->done[column] && column != end) {
            match->column_price[column] -= far - search->far[column];
            match->row_price[match->row_of[column]] += far - search->far[column];
        }
    }
    for (uint32_t column = end;;) {
        uint32_t from = search->through[column], before = match->column_of[from];
        match->row_of[column] = from;
        match->column_of[from] = column;
        if (from == row) break;
        column = before;
    }
    for (uint32_t i = 0; i < search->seen_count; i++) {
        search->far[search->seen[i]] = FAR;
        search->done[search->seen[i]] = false;
    }
}

void match_solve(struct match *match)
{
    close_rows(match, match->rows);
    struct search search = {.far = mem_zalloc(match->columns + 1, sizeof *search.far), .through = mem_zalloc(match->columns + 1, sizeof *search.through),
                            .seen = mem_zalloc(match->columns + 1, sizeof *search.seen), .done = mem_zalloc(match->columns + 1, sizeof *search.done)};
    for (uint32_t c = 0; c < match->columns; c++) {
        search.far[c] = FAR;
        match->row_of[c] = MATCH_NONE;
    }
    for (uint32_t r = 0; r < match->rows; r++) match->column_of[r] = MATCH_NONE;
    for (uint32_t r = 0; r < match->rows; r++) augment(match, &search, r);
    free(search.far);
    free(search.through);
    free(search.seen);
    free(search.done);
    free(search.heap.nodes);
}

uint32_t match_of(const struct match *match, uint32_t row)
{
    ASSERT(row < match->rows);
    uint32_t column = match->column_of[row];
    return column < match->columns - match->rows ? column : MATCH_NONE;
}
