/* The benchmark's solution files: assignments, orders, couriers' moves, words parted by blanks, minutes. Its evaluator compares a hand-over with the one
 * before it plus the whole service in floating point, so that sum, not the rounded quotient, is what is written. */
#include "mdrp.h"

#include <stdlib.h>

static double in_minutes(int32_t seconds)
{
    return seconds / 60.0;
}

static void write_assignments(const struct mdrp_instance *instance, const struct mdrp_day *day, double *dropoff_min, struct buffer *out)
{
    double service_min = instance->dropoff_service_s / 60.0;
    buffer_printf(out, "assignment_time pickup_time courier orders\n");
    for (uint32_t a = 0; a < day->assignment_count; a++) {
        const struct mdrp_assignment *assignment = &day->assignments[a];
        buffer_printf(out, "%.17g %.17g %s", in_minutes(assignment->assigned_s), in_minutes(assignment->pickup_s), instance->couriers[assignment->courier].spot.name);
        double before_min = -1e9;
        for (uint32_t i = 0; i < assignment->order_count; i++) {
            uint32_t order = day->bundled[assignment->order_first + i];
            double at_min = in_minutes(day->fates[order].dropoff_s);
            if (at_min < before_min + service_min) at_min = before_min + service_min; /* by a last bit */
            dropoff_min[order] = before_min = at_min;
            buffer_printf(out, " %s", instance->orders[order].spot.name);
        }
        buffer_printf(out, "\n");
    }
}

static void write_orders(const struct mdrp_instance *instance, const struct mdrp_day *day, const double *dropoff_min, struct buffer *out)
{
    buffer_printf(out, "order placement_time restaurant x y ready_time pickup_time dropoff_time courier\n");
    for (uint32_t o = 0; o < instance->order_count; o++) {
        const struct mdrp_order *order = &instance->orders[o];
        const struct mdrp_fate *fate = &day->fates[o];
        buffer_printf(out, "%s %.17g %s %.17g %.17g %.17g ", order->spot.name, in_minutes(order->placed_s), instance->restaurants[order->restaurant].name, order->spot.x, order->spot.y,
                      in_minutes(order->ready_s));
        if (fate->courier == NOBODY) buffer_printf(out, "NA NA NA\n");
        else buffer_printf(out, "%.17g %.17g %s\n", in_minutes(fate->pickup_s), dropoff_min[o], instance->couriers[fate->courier].spot.name);
    }
}

void mdrp_write(const struct mdrp_instance *instance, const struct mdrp_day *day, struct buffer *assignments, struct buffer *orders, struct buffer *couriers)
{
    double *dropoff_min = mem_zalloc(instance->order_count, sizeof *dropoff_min);
    write_assignments(instance, day, dropoff_min, assignments);
    write_orders(instance, day, dropoff_min, orders);
    free(dropoff_min);
    buffer_printf(couriers, "courier departure_time origin destination\n");
    for (uint32_t c = 0; c < instance->courier_count; c++)
        for (uint32_t m = 0; m < day->move_count; m++)
            if (day->moves[m].courier == c)
                buffer_printf(couriers, "%s %.17g %s %s\n", instance->couriers[c].spot.name, in_minutes(day->moves[m].depart_s), mdrp_place(instance, day->moves[m].from)->name,
                              mdrp_place(instance, day->moves[m].to)->name);
}
