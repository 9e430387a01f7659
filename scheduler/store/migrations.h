/* The schema this program carries: migrations.c is made from deploy/migrations at build time by embed.cmake. */
#ifndef STORE_MIGRATIONS_H
#define STORE_MIGRATIONS_H

#include <stdint.h>

struct migration {
    uint32_t version;
    const char *name;
    const uint8_t *text; /* terminated */
    const char *sha256_hex;
};
extern const struct migration MIGRATIONS[];
extern const uint32_t MIGRATION_COUNT;

#endif
