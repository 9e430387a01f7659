/** google.rpc.Status by hand: the few protobuf bytes of grpc-status-details-bin. */
#ifndef RPC_DETAILS_H
#define RPC_DETAILS_H

#include "base/base.h"

/** False if the error has no field, reason or retry hint, so that there is nothing to say beyond code and message. */
bool details_wanted(const struct error *err);
/** code, message, and as wanted BadRequest.FieldViolation, ErrorInfo{reason, domain "meddispatch"}, RetryInfo. */
void details_encode(const struct error *err, struct buffer *out);

#endif
