/* Public benchmark instances and solutions as files. */
#ifndef MAIN_INSTANCE_FILE_H
#define MAIN_INSTANCE_FILE_H

#include "plan/plan.h"

/** Read a whole file, at most INSTANCE_FILE_MAX bytes. NOT_FOUND, INVALID_ARGUMENT if it is larger. The caller frees *out. */
must_use enum status file_read(const char *path, char **out, size_t *size, struct error *err);
must_use enum status instance_file_read(const char *path, struct plan_instance **out, struct error *err);
must_use enum status routes_file_read(const char *path, const struct plan_instance *instance, struct plan_routes **out, struct error *err);
must_use enum status routes_file_write(const char *path, const struct plan_instance *instance, const struct plan_routes *routes, struct error *err);

#endif
