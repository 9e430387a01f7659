/* Who may call what: the table of methods and roles, and the checks at the door that follow from a caller's role. */
#ifndef API_ACCESS_H
#define API_ACCESS_H

#include "engine/engine.h"
#include "rpc/rpc.h"

#include <protobuf-c/protobuf-c.h>

/** What a method asks of its caller. One row each, in access.c. */
struct access_rule {
    const char *path;
    uint32_t roles;                    /* BIT(enum role); 0: needs no credentials */
    const char *audit;                 /* health data is read: what the access log says; NULL: none */
};
/** NULL: the table has forgotten it. */
const struct access_rule *access_rule_of(const char *path);

struct access;
/** `insecure`: everybody may do everything (role NONE). calls_per_s: of one caller, with a burst of two seconds; 0 any number. */
must_use struct access *access_new(struct engine *engine, bool insecure, uint32_t calls_per_s);
void access_free(struct access *access);
void access_set_limit(struct access *access, uint32_t calls_per_s);

/** Who calls, by his token or his certificate, and whether he may call this. UNAUTHENTICATED, PERMISSION_DENIED, RESOURCE_EXHAUSTED. */
must_use enum status access_admit(struct access *access, const struct access_rule *rule, const struct rpc_call *call, struct caller *out, struct error *err);
/** Whether the caller may say this: `source`, `pharmacy_id`, `courier_id` and `lab_id` must be his own where his role has such; a pharmacy's list that names
 *  no pharmacy becomes its own. PERMISSION_DENIED. */
must_use enum status access_check_request(const struct caller *caller, ProtobufCMessage *request, struct error *err);
/** Who asks: for the access log, and for the database, which shows him what his role and tenant may see. */
void access_ask_as(const struct caller *caller, struct question *question);
/** What his commands are confined to. */
struct tenant access_tenant(const struct caller *caller);
/** Whether he may read this order. */
bool access_may_read(const struct caller *caller, const struct order_view *order);
/** Whether he may know what is in a parcel, and for whom. */
bool access_sees_contents(const struct caller *caller);
/** Whether the caller of a stream that began some time ago is still who he was. */
bool access_still_holds(struct access *access, const struct caller *caller);
/** For the access log: "pharmacy:12 front desk". */
void access_actor(const struct caller *caller, char *out, size_t capacity);

#endif
