/* Names and origins, compared as browsers send them. */
#include "policy.h"

#include <string.h>

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static enum status read_list(const char *list, char (*names)[POLICY_NAME_MAX], uint32_t *count, const char *field, struct error *err)
{
    struct http_text rest = {list, (uint32_t)strlen(list)}, element;
    while (http_list_next(&rest, &element)) {
        if (*count == POLICY_NAMES_MAX) return error_field(err, field, "at most %d entries", (int)POLICY_NAMES_MAX);
        if (element.size >= POLICY_NAME_MAX) return error_field(err, field, "an entry has at most %d characters", (int)POLICY_NAME_MAX - 1);
        for (uint32_t i = 0; i < element.size; i++) {
            if ((unsigned char)element.at[i] <= 0x20 || (unsigned char)element.at[i] >= 0x7f) return error_field(err, field, "holds a character that no name has");
            names[*count][i] = lower(element.at[i]);
        }
        names[(*count)++][element.size] = 0;
    }
    return STATUS_OK;
}

enum status policy_read(struct policy *policy, const char *hosts, const char *origins, struct error *err)
{
    *policy = (struct policy){.any_host = hosts == NULL};
    TRY(read_list(hosts ? hosts : "", policy->hosts, &policy->host_count, "http_hosts", err));
    TRY(read_list(origins ? origins : "", policy->origins, &policy->origin_count, "http_origins", err));
    for (uint32_t i = 0; i < policy->origin_count; i++) {
        const char *rest = strstr(policy->origins[i], "://");
        if (!rest || rest[3] == 0 || strchr(rest + 3, '/')) return error_field(err, "http_origins", "takes origins such as https://board.example: a scheme and a host, no path");
    }
    return STATUS_OK;
}

/* "name:port" without its port; "[::1]:80" too. */
static struct http_text without_port(struct http_text authority)
{
    uint32_t size = authority.size;
    while (size > 0 && authority.at[size - 1] >= '0' && authority.at[size - 1] <= '9') size--;
    if (size > 0 && authority.at[size - 1] == ':') authority.size = size - 1;
    return authority;
}

static bool host_is_ours(const struct policy *policy, struct http_text host)
{
    static const char *const LOOPBACK[] = {"localhost", "127.0.0.1", "[::1]"};
    host = without_port(host);
    for (size_t i = 0; i < COUNT_OF(LOOPBACK); i++)
        if (http_is(host, LOOPBACK[i])) return true;
    for (uint32_t i = 0; i < policy->host_count; i++)
        if (http_is(host, policy->hosts[i])) return true;
    return false;
}

/* The origin's authority is the Host the browser asked: whatever the scheme (a proxy may have taken TLS off), the page came from here. */
static bool is_own(struct http_text origin, struct http_text host)
{
    const char *mark = memmem(origin.at, origin.size, "://", 3);
    if (!mark || host.size == 0) return false;
    uint32_t skip = (uint32_t)(mark + 3 - origin.at);
    if (origin.size - skip != host.size) return false;
    for (uint32_t i = 0; i < host.size; i++)
        if (lower(origin.at[skip + i]) != lower(host.at[i])) return false;
    return true;
}

enum policy_verdict policy_judge(const struct policy *policy, const struct http_request *request)
{
    if (!policy->any_host && (request->is_1_1 || request->host.size > 0) && !host_is_ours(policy, request->host)) return POLICY_HOST;
    if (request->origin.size == 0 || is_own(request->origin, request->host)) return POLICY_OK;
    for (uint32_t i = 0; i < policy->origin_count; i++)
        if (http_is(request->origin, policy->origins[i])) return POLICY_LISTED;
    return POLICY_ORIGIN;
}
