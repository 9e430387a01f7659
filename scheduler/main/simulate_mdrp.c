/* simulate --mdrp: a folder's four files in, a table or JSON lines out, and the benchmark's solution files if asked for. */
#include "simulate.h"

#include "instance_file.h"
#include "main.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_SIZE = 1024, SOLUTION_MAX = 64 << 20 };

static enum status read_part(const char *folder, const char *file, struct mdrp_text *out, char **owned, struct error *err)
{
    char path[PATH_SIZE];
    text_format(path, sizeof path, "%s/%s", folder, file);
    TRY(file_read(path, owned, &out->size, err));
    out->text = *owned;
    return STATUS_OK;
}

static enum status read_folder(const char *folder, struct mdrp_instance **out, struct error *err)
{
    struct mdrp_texts texts;
    memset(&texts, 0, sizeof texts);
    char *owned[4] = {NULL};
    enum status rc = read_part(folder, "restaurants.txt", &texts.restaurants, &owned[0], err);
    if (rc == STATUS_OK) rc = read_part(folder, "orders.txt", &texts.orders, &owned[1], err);
    if (rc == STATUS_OK) rc = read_part(folder, "couriers.txt", &texts.couriers, &owned[2], err);
    if (rc == STATUS_OK) rc = read_part(folder, "instance_parameters.txt", &texts.parameters, &owned[3], err);
    if (rc == STATUS_OK) rc = mdrp_read(&texts, out, err);
    for (size_t i = 0; i < COUNT_OF(owned); i++) free(owned[i]);
    return rc;
}

static enum status write_file(const char *folder, const char *file, const struct buffer *text, struct error *err)
{
    char path[PATH_SIZE];
    text_format(path, sizeof path, "%s/%s", folder, file);
    FILE *stream = fopen(path, "wb");
    bool written = stream && fwrite(text->data, 1, text->size, stream) == text->size;
    if ((stream && fclose(stream) != 0) || !written || text->full) return error_set(err, STATUS_INVALID_ARGUMENT, "%s: %s", path, strerror(errno));
    return STATUS_OK;
}

/* Into the folder itself when one policy plays, into a folder of the policy's name when several do. */
static enum status write_solution(const struct simulate_options *options, enum sim_policy policy, const struct mdrp_instance *instance, const struct mdrp_day *day, struct error *err)
{
    char folder[PATH_SIZE];
    (void)mkdir(options->out, 0777); /* if it can't be made, writing says so */
    if (options->policy_count == 1) text_format(folder, sizeof folder, "%s", options->out);
    else text_format(folder, sizeof folder, "%s/%s", options->out, sim_policy_name(policy));
    (void)mkdir(folder, 0777);
    struct buffer parts[3];
    for (size_t i = 0; i < COUNT_OF(parts); i++) buffer_init(&parts[i], SOLUTION_MAX);
    mdrp_write(instance, day, &parts[0], &parts[1], &parts[2]);
    enum status rc = write_file(folder, "solution_info_assignments.txt", &parts[0], err);
    if (rc == STATUS_OK) rc = write_file(folder, "solution_info_orders.txt", &parts[1], err);
    if (rc == STATUS_OK) rc = write_file(folder, "solution_info_couriers.txt", &parts[2], err);
    for (size_t i = 0; i < COUNT_OF(parts); i++) buffer_deinit(&parts[i]);
    return rc;
}

static void print_day(const struct simulate_options *options, enum sim_policy policy, const struct mdrp_result *r)
{
    char digest[65];
    hash_hex(r->digest.byte, sizeof r->digest.byte, digest);
    if (options->json) {
        printf("{\"instance\":\"%s\",\"rules\":\"%s\",\"travel\":\"seconds\",\"policy\":\"%s\",\"seed\":%" PRIu64 ",\"orders\":%u,\"delivered\":%u,\"undelivered\":%u,\"unreachable\":%u,"
               "\"click_to_door_mean_min\":%.3f,\"click_to_door_p50_min\":%.3f,\"click_to_door_p90_min\":%.3f,\"click_to_door_p99_min\":%.3f,\"overage_mean_min\":%.3f,"
               "\"over_target_share\":%.4f,\"ready_to_pickup_mean_min\":%.3f,\"orders_per_bundle\":%.3f,\"utilization\":%.3f,\"km_per_order\":%.3f,\"work_min_per_order\":%.3f,"
               "\"changes_per_order\":%.4f,\"bound_mean_min\":%.3f,\"bound_p90_min\":%.3f,\"bound_in_target\":%u,\"in_target\":%u,\"decisions\":%" PRIu64 ",\"decision_mean_ms\":%.3f,"
               "\"decision_max_ms\":%.3f,\"evaluations\":%" PRIu64 ",\"digest\":\"%s\"}\n",
               options->mdrp, options->relaxed ? "relaxed" : "strict", sim_policy_name(policy), options->sim.seed, r->orders, r->delivered, r->orders - r->delivered, r->unreachable,
               r->click_to_door_mean_min, r->click_to_door_p50_min, r->click_to_door_p90_min, r->click_to_door_p99_min, r->overage_mean_min, r->over_target_share,
               r->ready_to_pickup_mean_min, r->orders_per_bundle, r->utilization, r->km_per_order, r->work_min_per_order, r->changes_per_order, r->bound_mean_min, r->bound_p90_min,
               r->bound_in_target, r->in_target, r->decisions, r->decision_mean_ms, r->decision_max_ms, r->evaluations, digest);
        return;
    }
    printf("%-8s %5u/%-5u %7.2f %7.2f %7.2f %7.2f %7.2f %7.2f %7.2f %7.2f %8.3f %8.2f\n", sim_policy_name(policy), r->delivered, r->orders, r->click_to_door_mean_min, r->click_to_door_p50_min,
           r->click_to_door_p90_min, r->click_to_door_p99_min, r->overage_mean_min, r->bound_in_target ? 100.0 * r->in_target / r->bound_in_target : 100.0, r->km_per_order,
           r->orders_per_bundle, r->changes_per_order, r->decision_mean_ms);
}

static void print_head(const struct simulate_options *options)
{
    if (options->json) return;
    printf("%s, %s rules, travel in whole seconds, seed %" PRIu64 "; minutes from click to door\n", options->mdrp, options->relaxed ? "relaxed" : "strict", options->sim.seed);
    printf("%-8s %11s %7s %7s %7s %7s %7s %7s %7s %7s %8s %8s\n", "policy", "delivered", "mean", "p50", "p90", "p99", "overage", "intime%", "km", "bundle", "changes", "ms/dec");
}

int simulate_mdrp(const struct simulate_options *options)
{
    struct error err = {0};
    struct mdrp_instance *instance = NULL;
    enum status rc = read_folder(options->mdrp, &instance, &err);
    if (rc != STATUS_OK) {
        fprintf(stderr, "meddispatch simulate: %s: %s\n", options->mdrp, err.text);
        return EXIT_REFUSED;
    }
    print_head(options);
    struct mdrp_options day_options = mdrp_options_default(options->relaxed);
    day_options.seed = options->sim.seed;
    day_options.clock_us = clock_boot_us;
    if (options->iterations) day_options.iterations = options->iterations;
    for (uint32_t p = 0; p < options->policy_count && rc == STATUS_OK; p++) {
        struct mdrp_result result;
        struct mdrp_day *day = NULL;
        day_options.policy = options->policies[p];
        rc = mdrp_run(instance, &day_options, &result, &day, &err);
        if (rc == STATUS_OK) print_day(options, options->policies[p], &result);
        if (rc == STATUS_OK && options->out) rc = write_solution(options, options->policies[p], instance, day, &err);
        mdrp_day_free(day);
    }
    mdrp_free(instance);
    return rc == STATUS_OK ? EXIT_DONE : exit_told("simulate", rc, &err);
}
