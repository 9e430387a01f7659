/* Reader of meal-delivery instances: four tables of words parted by tabs (restaurants, orders, couriers, parameters), columns found by their names.
 * Everything is bounded and checked here, once. It must not know how a day is played. */
#include "sim/sim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 16, CELL_MAX = 48 };

/* A table read row by row: the first line names the columns. */
struct table {
    const char *file;                 /* for error texts */
    const char *at, *end;
    uint32_t line, column_count;
    char names[COLUMNS_MAX][CELL_MAX];
    char cells[COLUMNS_MAX][CELL_MAX];
    struct error *err;
};

/* One line into `cells`; false at the end of the text or if the line doesn't fit (then *bad). */
static bool read_cells(struct table *table, char cells[][CELL_MAX], uint32_t *count, bool *bad)
{
    *bad = false;
    while (table->at < table->end && (*table->at == '\n' || *table->at == '\r')) table->line += *table->at++ == '\n';
    if (table->at == table->end) return false;
    *count = 0;
    for (size_t size = 0;; table->at++) {
        bool over = table->at == table->end || *table->at == '\n';
        if (!over && *table->at == '\r') continue;
        if (over || *table->at == '\t') {
            if (*count == COLUMNS_MAX) break;
            cells[(*count)++][size] = '\0';
            size = 0;
            if (over) return true;
            continue;
        }
        if (*count == COLUMNS_MAX || size + 1 == CELL_MAX || *table->at == '\0') break;
        cells[*count][size++] = *table->at;
    }
    *bad = true;
    return false;
}

static enum status fault(const struct table *table, const char *what)
{
    return error_set(table->err, STATUS_INVALID_ARGUMENT, "%s line %u: %s", table->file, table->line, what);
}

static enum status table_open(struct table *table, const char *file, const struct mdrp_text *text, struct error *err)
{
    *table = (struct table){.file = file, .at = text->text, .end = text->text + text->size, .line = 1, .err = err};
    bool bad;
    if (!read_cells(table, table->names, &table->column_count, &bad)) return fault(table, bad ? "a column's name is too long, or there are too many" : "the file is empty");
    return STATUS_OK;
}

static enum status next_row(struct table *table, bool *end)
{
    uint32_t count;
    bool bad;
    *end = !read_cells(table, table->cells, &count, &bad);
    if (bad) return fault(table, "a value is too long, or there are too many");
    if (!*end && count != table->column_count) return fault(table, "not as many values as columns");
    return STATUS_OK;
}

static enum status cell(struct table *table, const char *column, const char **out)
{
    for (uint32_t i = 0; i < table->column_count; i++) {
        if (strcmp(table->names[i], column) != 0) continue;
        *out = table->cells[i];
        return STATUS_OK;
    }
    return error_set(table->err, STATUS_INVALID_ARGUMENT, "%s: no column '%s'", table->file, column);
}

static enum status number(struct table *table, const char *column, double min, double max, double *out)
{
    const char *text = NULL;
    TRY(cell(table, column, &text));
    if (text_to_double(text, min, max, out)) return STATUS_OK;
    return error_set(table->err, STATUS_INVALID_ARGUMENT, "%s line %u: %s is no number of %.0f to %.0f", table->file, table->line, column, min, max);
}

/* Minutes, as whole seconds: `up` or down, so that nothing is promised earlier or allowed later than the file says. */
static enum status minutes(struct table *table, const char *column, bool up, int32_t *out)
{
    double value;
    TRY(number(table, column, 0, MDRP_MINUTES_MAX, &value));
    *out = (int32_t)(up ? ceil(value * 60 - 1e-6) : floor(value * 60 + 1e-6));
    return STATUS_OK;
}

static enum status name(struct table *table, const char *column, char *out)
{
    const char *text = NULL;
    TRY(cell(table, column, &text));
    if (!*text || strchr(text, ' ') || !text_copy(out, MDRP_NAME_MAX, text)) return fault(table, "a name is empty, too long or has a blank in it");
    return STATUS_OK;
}

static enum status spot(struct table *table, const char *column, struct mdrp_spot *out)
{
    TRY(name(table, column, out->name));
    TRY(number(table, "x", -MDRP_METRES_MAX, MDRP_METRES_MAX, &out->x));
    return number(table, "y", -MDRP_METRES_MAX, MDRP_METRES_MAX, &out->y);
}

static enum status read_restaurants(struct table *table, struct mdrp_instance *instance)
{
    for (bool end;;) {
        TRY(next_row(table, &end));
        if (end) return STATUS_OK;
        if (instance->restaurant_count == MDRP_RESTAURANTS_MAX) return fault(table, "too many restaurants");
        TRY(spot(table, "restaurant", &instance->restaurants[instance->restaurant_count]));
        instance->restaurant_count++;
    }
}

static enum status restaurant_of(struct table *table, const struct mdrp_instance *instance, uint32_t *out)
{
    const char *text = NULL;
    TRY(cell(table, "restaurant", &text));
    for (uint32_t i = 0; i < instance->restaurant_count; i++) {
        if (strcmp(instance->restaurants[i].name, text) != 0) continue;
        *out = i;
        return STATUS_OK;
    }
    return fault(table, "no such restaurant");
}

static enum status read_orders(struct table *table, struct mdrp_instance *instance)
{
    for (bool end;;) {
        TRY(next_row(table, &end));
        if (end) return STATUS_OK;
        if (instance->order_count == MDRP_ORDERS_MAX) return fault(table, "too many orders");
        struct mdrp_order *order = &instance->orders[instance->order_count];
        TRY(spot(table, "order", &order->spot));
        TRY(minutes(table, "placement_time", true, &order->placed_s));
        TRY(minutes(table, "ready_time", true, &order->ready_s));
        TRY(restaurant_of(table, instance, &order->restaurant));
        instance->order_count++;
    }
}

static enum status read_couriers(struct table *table, struct mdrp_instance *instance)
{
    for (bool end;;) {
        TRY(next_row(table, &end));
        if (end) return STATUS_OK;
        if (instance->courier_count == MDRP_COURIERS_MAX) return fault(table, "too many couriers");
        struct mdrp_courier *courier = &instance->couriers[instance->courier_count];
        TRY(spot(table, "courier", &courier->spot));
        TRY(minutes(table, "on_time", true, &courier->on_s));
        TRY(minutes(table, "off_time", false, &courier->off_s));
        if (courier->off_s < courier->on_s) return fault(table, "the shift ends before it begins");
        instance->courier_count++;
    }
}

static enum status read_parameters(struct table *table, struct mdrp_instance *instance)
{
    bool end;
    TRY(next_row(table, &end));
    if (end) return fault(table, "no parameters");
    double pickup, dropoff, target;
    TRY(number(table, "meters_per_minute", 10, MDRP_METRES_MAX, &instance->metres_per_minute));
    TRY(number(table, "pickup service minutes", 0, 600, &pickup));
    TRY(number(table, "dropoff service minutes", 0, 600, &dropoff));
    TRY(number(table, "target click-to-door", 0, MDRP_MINUTES_MAX, &target));
    instance->pickup_service_s = 2 * (uint32_t)ceil(pickup * 30 - 1e-6);
    instance->dropoff_service_s = 2 * (uint32_t)ceil(dropoff * 30 - 1e-6);
    instance->target_s = (uint32_t)(target * 60);
    return STATUS_OK;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The solution files name orders, couriers and restaurants in one breath: no name may stand for two. */
static enum status check_names(const struct mdrp_instance *instance, struct error *err)
{
    uint32_t count = 0, total = instance->restaurant_count + instance->order_count + instance->courier_count;
    const char **names = mem_zalloc(total + 1, sizeof *names);
    for (uint32_t i = 0; i < instance->restaurant_count; i++) names[count++] = instance->restaurants[i].name;
    for (uint32_t i = 0; i < instance->order_count; i++) names[count++] = instance->orders[i].spot.name;
    for (uint32_t i = 0; i < instance->courier_count; i++) names[count++] = instance->couriers[i].spot.name;
    qsort(names, count, sizeof *names, by_text);
    enum status rc = STATUS_OK;
    for (uint32_t i = 1; i < count && rc == STATUS_OK; i++)
        if (strcmp(names[i - 1], names[i]) == 0) rc = error_set(err, STATUS_INVALID_ARGUMENT, "the name %s is there twice", names[i]);
    free(names);
    return rc;
}

static enum status read_all(const struct mdrp_texts *texts, struct mdrp_instance *instance, struct error *err)
{
    struct table *table = mem_alloc(sizeof *table);
    enum status rc = table_open(table, "instance_parameters.txt", &texts->parameters, err);
    if (rc == STATUS_OK) rc = read_parameters(table, instance);
    if (rc == STATUS_OK) rc = table_open(table, "restaurants.txt", &texts->restaurants, err);
    if (rc == STATUS_OK) rc = read_restaurants(table, instance);
    if (rc == STATUS_OK) rc = table_open(table, "orders.txt", &texts->orders, err);
    if (rc == STATUS_OK) rc = read_orders(table, instance);
    if (rc == STATUS_OK) rc = table_open(table, "couriers.txt", &texts->couriers, err);
    if (rc == STATUS_OK) rc = read_couriers(table, instance);
    free(table);
    if (rc == STATUS_OK) rc = check_names(instance, err);
    if (rc == STATUS_OK && (!instance->order_count || !instance->courier_count)) rc = error_set(err, STATUS_INVALID_ARGUMENT, "a day needs an order and a courier");
    return rc;
}

enum status mdrp_read(const struct mdrp_texts *texts, struct mdrp_instance **out, struct error *err)
{
    struct mdrp_instance *instance = mem_zalloc(1, sizeof *instance);
    instance->restaurants = mem_zalloc(MDRP_RESTAURANTS_MAX, sizeof *instance->restaurants);
    instance->orders = mem_zalloc(MDRP_ORDERS_MAX, sizeof *instance->orders);
    instance->couriers = mem_zalloc(MDRP_COURIERS_MAX, sizeof *instance->couriers);
    enum status rc = read_all(texts, instance, err);
    if (rc == STATUS_OK) *out = instance;
    else mdrp_free(instance);
    return rc;
}

void mdrp_free(struct mdrp_instance *instance)
{
    if (!instance) return;
    free(instance->restaurants);
    free(instance->orders);
    free(instance->couriers);
    free(instance);
}

const struct mdrp_spot *mdrp_place(const struct mdrp_instance *instance, uint32_t place)
{
    if (place < instance->restaurant_count) return &instance->restaurants[place];
    place -= instance->restaurant_count;
    if (place < instance->order_count) return &instance->orders[place].spot;
    place -= instance->order_count;
    ASSERT(place < instance->courier_count);
    return &instance->couriers[place].spot;
}

uint32_t mdrp_travel_s(const struct mdrp_instance *instance, uint32_t from, uint32_t to)
{
    const struct mdrp_spot *a = mdrp_place(instance, from), *b = mdrp_place(instance, to);
    double dx = a->x - b->x, dy = a->y - b->y;
    return (uint32_t)ceil(sqrt(dx * dx + dy * dy) * 60 / instance->metres_per_minute);
}
