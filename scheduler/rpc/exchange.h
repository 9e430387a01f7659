/** Calls whose bytes do not come over HTTP/2: the list of them that a server sweeps and stops. What an owner may do with one is in rpc.h. */
#ifndef RPC_EXCHANGE_H
#define RPC_EXCHANGE_H

#include "session.h"

/** rpc_exchange_new on a table that needs no server. */
must_use struct rpc_exchange *exchange_new(struct call_table *table, const char *path, const char *peer, void (*on_output)(void *context), void *context);
/** Deadlines (`expire`) and the timers of bodies and answers (`tick`). */
void exchanges_sweep(struct call_table *table, int64_t now_ms, bool expire, bool tick);
/** All are over, answered or not; their owners are told. */
void exchanges_cut(struct call_table *table);
/** Their session, for who has to visit every call; NULL at the end. Begin with NULL. */
struct session *exchanges_next(struct call_table *table, const struct session *before);

#endif
