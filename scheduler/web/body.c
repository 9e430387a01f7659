/* A request's body, by its length or in chunks (RFC 9112, 7.1): each byte is judged once, so that it may be cut anywhere. Strict: a size is hex digits,
 * a line ends with CRLF, and lines are short. */
#include "http.h"

#include <string.h>

enum { CHUNK_DIGITS_MAX = 8, TRAILERS_MAX = 1024 };

void http_body_begin(struct http_body *body, const struct http_request *request)
{
    *body = (struct http_body){.state = request->chunked ? BODY_SIZE : request->body_size > 0 ? BODY_BYTES : BODY_DONE, .left = request->chunked ? 0 : request->body_size};
}

bool http_body_is_done(const struct http_body *body)
{
    return body->state == BODY_DONE;
}

bool http_body_is_bad(const struct http_body *body)
{
    return body->state == BODY_BAD;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static enum http_body_state after_size(struct http_body *body, char c)
{
    int digit = hex(c);
    if (digit >= 0) {
        if (++body->digits > CHUNK_DIGITS_MAX) return BODY_BAD;
        body->left = body->left * 16 + (uint64_t)digit;
        return BODY_SIZE;
    }
    if (body->digits == 0) return BODY_BAD;
    if (c == '\r') return BODY_SIZE_END;
    return c == ';' || c == ' ' || c == '\t' ? BODY_EXTENSION : BODY_BAD;
}

/* The state after one byte that is no content. `line` counts what an endless line or endless trailers would grow by. */
static enum http_body_state after(struct http_body *body, char c)
{
    body->line++;
    switch (body->state) {
    case BODY_SIZE: return after_size(body, c);
    case BODY_EXTENSION: return c == '\r' ? BODY_SIZE_END : c == '\n' || body->line > HTTP_CHUNK_LINE_MAX ? BODY_BAD : BODY_EXTENSION;
    case BODY_SIZE_END:
        body->digits = body->line = 0;
        return c != '\n' ? BODY_BAD : body->left > 0 ? BODY_CHUNK : BODY_TRAILER;
    case BODY_CHUNK_CR: return c == '\r' ? BODY_CHUNK_LF : BODY_BAD;
    case BODY_CHUNK_LF:
        body->left = body->line = 0;
        return c == '\n' ? BODY_SIZE : BODY_BAD;
    case BODY_TRAILER: /* trailers are read over: `digits` tells whether this line has begun */
        if (c == '\n' || body->line > TRAILERS_MAX) return BODY_BAD;
        if (c == '\r') return body->digits > 0 ? BODY_TRAILER_LF : BODY_LAST_LF;
        body->digits = 1;
        return BODY_TRAILER;
    case BODY_TRAILER_LF:
        body->digits = 0;
        return c == '\n' ? BODY_TRAILER : BODY_BAD;
    case BODY_LAST_LF: return c == '\n' ? BODY_DONE : BODY_BAD;
    case BODY_BYTES: case BODY_CHUNK: case BODY_DONE: case BODY_BAD: break;
    }
    UNREACHABLE("a body that has ended, or content");
}

uint32_t http_body_read(struct http_body *body, const char *data, uint32_t size, struct http_text *piece)
{
    uint32_t at = 0;
    *piece = (struct http_text){data, 0};
    while (at < size && body->state != BODY_DONE && body->state != BODY_BAD) {
        if (body->state != BODY_BYTES && body->state != BODY_CHUNK) {
            body->state = after(body, data[at++]);
            continue;
        }
        uint32_t take = body->left < size - at ? (uint32_t)body->left : size - at;
        *piece = (struct http_text){data + at, take};
        body->left -= take;
        if (body->left == 0) body->state = body->state == BODY_BYTES ? BODY_DONE : BODY_CHUNK_CR;
        return at + take;
    }
    return at;
}
