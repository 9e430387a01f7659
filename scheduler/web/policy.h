/* Whose pages may speak to the listener: which names it answers to (against DNS rebinding: a foreign name that is made to resolve to this machine), and
 * which origins besides its own may call it. Pure; made once at start and only read after. */
#ifndef WEB_POLICY_H
#define WEB_POLICY_H

#include "http.h"

enum { POLICY_NAMES_MAX = 32, POLICY_NAME_MAX = 256 };

struct policy {
    bool any_host;                                     /* for tests that have no name */
    char hosts[POLICY_NAMES_MAX][POLICY_NAME_MAX];     /* lower case, without port */
    char origins[POLICY_NAMES_MAX][POLICY_NAME_MAX];   /* lower case: "https://board.example" */
    uint32_t host_count, origin_count;
};

/** Comma-separated lists; hosts NULL: any. INVALID_ARGUMENT: too many, too long, or an origin without scheme or with a path. */
must_use enum status policy_read(struct policy *policy, const char *hosts, const char *origins, struct error *err);

enum policy_verdict {
    POLICY_OK,             /* no origin is named, or our own */
    POLICY_LISTED,         /* an origin of the list: CORS */
    POLICY_HOST,           /* not our name: 421 */
    POLICY_ORIGIN,         /* a page of another origin: 403 */
};
enum policy_verdict policy_judge(const struct policy *policy, const struct http_request *request);

/* What a listed origin's page may send. */
#define CORS_PREFLIGHT                                                                                                                   \
    "Access-Control-Allow-Methods: GET, HEAD, POST\r\nAccess-Control-Allow-Headers: authorization, content-type, grpc-timeout, "             \
    "idempotency-key, x-grpc-web, x-user-agent\r\nAccess-Control-Max-Age: 600\r\n"

#endif
