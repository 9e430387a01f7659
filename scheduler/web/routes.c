/* What each path means: one table. A path is compared as it was sent; nothing of ours needs percent-encoding. */
#include "files.h"
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static const char TEXT[] = "text/plain; charset=utf-8";
enum { PACK_FROM_BYTES = 512 }; /* below it, packing saves no packet */

static void answer_text(struct http_answer *answer, struct body **body, int status, const char *text)
{
    char line[GEO_ERROR_MAX + 2];
    text_format(line, sizeof line, "%s\n", text);
    answer->status = status;
    answer->content_type = TEXT;
    if (!answer->cache_control) answer->cache_control = "no-store";
    *body = body_new(line, strlen(line));
}

/* ---- tiles ---- */

/* Deterministic: no name, no time in the header. NULL if it does not get smaller. */
static struct body *packed(const struct body *plain)
{
    z_stream stream = {.next_in = (z_const Bytef *)plain->data, .avail_in = (uInt)plain->size};
    struct body *out = NULL;
    if (deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) return NULL;
    uint8_t *bytes = mem_alloc(plain->size);
    stream.next_out = bytes;
    stream.avail_out = (uInt)plain->size;
    if (deflate(&stream, Z_FINISH) == Z_STREAM_END) out = body_new(bytes, plain->size - stream.avail_out);
    deflateEnd(&stream);
    free(bytes);
    return out;
}

/* The tile's bytes from the cache or drawn now; NULL: nothing is there. The caller unrefs. */
static enum status find_plain(struct web_site *site, struct geo_tile_id id, struct body **out)
{
    struct geo_tile tile;
    struct body *known = cache_find(site->cache, id, false);
    *out = known ? body_ref(known) : NULL;
    if (known) return STATUS_OK;
    if (geo_tile_build(site->tiles, site->scratch, id, &tile) != GEO_OK) return STATUS_RESOURCE_EXHAUSTED;
    if (tile.left_out > 0) log_debug("event=tile_full z=%u x=%u y=%u left_out=%u", id.z, id.x, id.y, tile.left_out);
    if (tile.size == 0) return STATUS_OK;
    *out = body_new(tile.data, tile.size);
    cache_put(site->cache, id, false, *out);
    return STATUS_OK;
}

static struct body *find_packed(struct web_site *site, struct geo_tile_id id, const struct body *plain)
{
    struct body *known = cache_find(site->cache, id, true);
    if (known) return body_ref(known);
    struct body *body = packed(plain);
    if (body) cache_put(site->cache, id, true, body);
    return body;
}

static void send_tile(struct web_site *site, struct geo_tile_id id, const struct http_request *request, struct http_answer *answer, struct body **body)
{
    text_format(answer->tag, sizeof answer->tag, "%016llx-%u-%u-%u", (unsigned long long)geo_tiles_tag(site->tiles), id.z, id.x, id.y);
    answer->cache_control = "public, max-age=600"; /* a new map comes with a restart: ten minutes later all is new */
    answer->vary = true;
    if (http_has_tag(request->if_none_match, answer->tag)) {
        answer->status = 304;
        return;
    }
    struct body *plain;
    if (find_plain(site, id, &plain) != STATUS_OK) {
        *answer = (struct http_answer){.status = 0};
        return answer_text(answer, body, 503, "no memory to draw it");
    }
    if (!plain) {
        answer->status = 204;
        return;
    }
    answer->status = 200;
    answer->content_type = "application/vnd.mapbox-vector-tile";
    *body = plain;
    if (plain->size < PACK_FROM_BYTES || !http_takes_gzip(request->accept_encoding)) return;
    struct body *small = find_packed(site, id, plain);
    if (!small) return;
    body_unref(plain);
    *body = small;
    answer->encoding = "gzip";
}

static void answer_tile(struct web_site *site, struct http_text rest, const struct http_request *request, struct http_answer *answer, struct body **body)
{
    static const char SUFFIX[] = ".mvt";
    uint32_t suffix = sizeof SUFFIX - 1;
    struct geo_tile_id id;
    struct geo_error error = {.text = ""};
    if (!site->tiles) return answer_text(answer, body, 404, "this daemon has no tiles");
    if (rest.size < suffix || memcmp(rest.at + rest.size - suffix, SUFFIX, suffix) != 0) return answer_text(answer, body, 400, "a tile is /tiles/Z/X/Y.mvt");
    enum geo_status rc = geo_tile_id_parse(rest.at, rest.size - suffix, &id, &error);
    if (rc == GEO_OK) send_tile(site, id, request, answer, body);
    else answer_text(answer, body, rc == GEO_NOT_FOUND ? 404 : 400, error.text);
}

/* ---- health ---- */

static void answer_health(struct web_site *site, struct http_text rest, const struct http_request *request, struct http_answer *answer, struct body **body)
{
    (void)request;
    bool ready = atomic_load(site->ready);
    if (rest.size > 0) answer_text(answer, body, 404, "no such path");
    else answer_text(answer, body, ready ? 200 : 503, ready ? "SERVING" : "NOT_SERVING");
}

/* ---- the table ---- */

static const struct route {
    const char *prefix;
    void (*answer)(struct web_site *site, struct http_text rest, const struct http_request *request, struct http_answer *answer, struct body **body);
} ROUTES[] = {
    {"/tiles/", answer_tile},
    {"/healthz", answer_health},
};

/* ---- who asks ---- */

static const char GET_ALONE[] = "GET, HEAD, OPTIONS";

static void answer_preflight(const struct web_site *site, const struct http_request *request, bool listed, struct http_answer *answer)
{
    answer->status = 204;
    answer->allow = site->has_gate ? "GET, HEAD, OPTIONS, POST" : GET_ALONE;
    /* no word of other origins unless they are listed: pages of other sites may not read us */
    if (listed && request->wanted_method.size > 0) answer->more = CORS_PREFLIGHT;
}

static bool is_route(struct http_text path, const char *prefix)
{
    size_t length = strlen(prefix);
    return path.size >= length && memcmp(path.at, prefix, length) == 0;
}

static enum site_way answer_post(const struct web_site *site, const struct http_request *request, struct http_answer *answer, struct body **body)
{
    if (site->has_gate && http_is_web_call(request->content_type)) return SITE_GATE;
    bool ours = !site->has_gate;
    for (size_t i = 0; i < COUNT_OF(ROUTES); i++) ours |= is_route(request->path, ROUTES[i].prefix);
    answer_text(answer, body, ours ? 405 : 415, ours ? "only calls are posted" : "calls are application/grpc-web or application/grpc-web-text");
    if (ours) answer->allow = GET_ALONE;
    return SITE_ANSWER;
}

static bool is_metrics(const struct web_site *site, const struct http_request *request)
{
    return site->has_metrics && request->method == HTTP_GET && request->path.size == strlen("/metrics") && is_route(request->path, "/metrics");
}

enum site_way site_answer(struct web_site *site, const struct http_request *request, struct http_answer *answer, struct body **body)
{
    *answer = (struct http_answer){.status = 0};
    *body = NULL;
    enum policy_verdict verdict = policy_judge(site->policy, request);
    if (verdict == POLICY_HOST) return answer_text(answer, body, 421, "this is not the host that was asked for; http_hosts lists its names"), SITE_ANSWER;
    if (verdict == POLICY_ORIGIN && request->method != HTTP_OPTIONS) return answer_text(answer, body, 403, "pages of this origin may not ask; http_origins lists those that may"), SITE_ANSWER;
    if (verdict == POLICY_LISTED) answer->cors = request->origin;
    if (request->method == HTTP_OPTIONS) return answer_preflight(site, request, verdict == POLICY_LISTED, answer), SITE_ANSWER;
    if (request->method == HTTP_POST) return answer_post(site, request, answer, body);
    if (is_metrics(site, request)) return SITE_GATE;
    for (size_t i = 0; i < COUNT_OF(ROUTES); i++) {
        if (!is_route(request->path, ROUTES[i].prefix)) continue;
        uint32_t length = (uint32_t)strlen(ROUTES[i].prefix);
        struct http_text rest = {request->path.at + length, request->path.size - length};
        return ROUTES[i].answer(site, rest, request, answer, body), SITE_ANSWER;
    }
    if (!site->files || !files_answer(site->files, request, answer, body)) answer_text(answer, body, 404, "no such path");
    return SITE_ANSWER;
}
