/* Keys and what they seal. A person has a key of his own, kept in the database sealed by a key of the key file: to turn the file's keys over, only persons' keys are sealed
 * anew; to erase a person, his key goes, and whatever was sealed with it can be read nowhere, not even in an old backup once the file's key is retired too. */
#ifndef STORE_KEYS_H
#define STORE_KEYS_H

#include "sql.h"

enum { WRAPPED_BYTES = SEAL_KEY_BYTES + SEAL_OVERHEAD, CONTACT_SEALED_MAX = 512, PERSON_SEALED_MAX = 640 };

struct person_key {
    uint8_t byte[SEAL_KEY_BYTES];
};

/* A person's key sealed by the file's newest. FAILED_PRECONDITION (NO_KEYS): the process has no keys. */
must_use enum status keys_wrap(struct city_id city, struct member_id member, const struct person_key *key, uint32_t *id, uint8_t out[WRAPPED_BYTES], struct error *err);
/* FAILED_PRECONDITION (KEY_MISSING): key `id` is not in the file. DATA_LOSS: it is, and does not open this. */
must_use enum status keys_unwrap(struct city_id city, struct member_id member, uint32_t id, const uint8_t *wrapped, size_t size, struct person_key *out, struct error *err);

/* An order's contact, bound to its order. Returns the size; lengths are rounded up, so that they tell nothing. */
size_t contact_seal(const struct person_key *key, struct city_id city, struct order_id order, const struct recipient *contact, uint8_t out[CONTACT_SEALED_MAX]);
must_use bool contact_open(const struct person_key *key, struct city_id city, struct order_id order, const uint8_t *sealed, size_t size, struct recipient *out);

#endif
