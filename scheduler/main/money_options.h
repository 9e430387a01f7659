/* Options that the money commands share. */
#ifndef MAIN_MONEY_OPTIONS_H
#define MAIN_MONEY_OPTIONS_H

#include "store/store.h"

struct money_options {
    const char *db, *payee, *out_dir, *bank_ref;
    char actor[HOLDER_TEXT_MAX];
    struct city_id city;
    int32_t day, through_day, from_day;
    int64_t at_ms;               /* --at with a time of day; INT64_MAX none */
    int64_t hours;               /* --hours; 0 none */
    const char *head, *export_file, *account, *owner, *name, *bank, *file; /* NULL none; owner "" */
    const char *member, *reason, *keys; /* member "" none; NULL none */
    bool has_day, json, help;
    const char *verb;            /* the first word that is no option; "" if none */
};
/** False (said on stderr) if an option is unknown or its value cannot be. The actor is the system's user unless named. */
must_use bool money_options_read(const char *command, int argc, char **argv, struct money_options *out);
/** Open the store in a role; an unknown schema is a dependency that is away, not an answer. */
must_use enum status money_store_open(const struct money_options *options, enum store_role role, struct store **out, struct error *err);
/** A name or text as JSON onto stdout. */
void money_json_text(const char *text);

#endif
