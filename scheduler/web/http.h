/* HTTP/1.1 (RFC 9110, 9112) as bytes in and bytes out: the head of a request, its body, the head of an answer. No socket, no clock, no memory of its own. */
#ifndef WEB_HTTP_H
#define WEB_HTTP_H

#include "base/base.h"

enum {
    HTTP_HEAD_MAX = 8192,    /* browsers send about 1 kB, with many cookies 4 kB */
    HTTP_TARGET_MAX = 1024,  /* our longest path has 40 bytes; a query may follow */
    HTTP_FIELDS_MAX = 64,
    HTTP_ANSWER_MAX = 2048,  /* the head we send: 1200 bytes at most */
};

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_OPTIONS, HTTP_POST };
/** A piece of the request's bytes; size 0: absent or empty. */
struct http_text {
    const char *at;
    uint32_t size;
};
struct http_request {
    enum http_method method;
    struct http_text path;             /* begins with '/' (or is "*" for OPTIONS), without query; as sent, not percent-decoded */
    struct http_text if_none_match, accept_encoding, host, origin, content_type, wanted_method; /* wanted_method: what a preflight asks for */
    bool keep_alive, is_1_1;
    bool chunked, expects_continue;    /* POST only */
    uint64_t body_size;                /* POST only, unless chunked */
    uint32_t fields;                   /* where in `data` the fields begin */
    uint32_t size;                     /* bytes of the head; what follows is the body's or the next request's */
};

enum { HTTP_MORE = 0, HTTP_READ = 1 };
/** HTTP_READ: *out is set and points into `data`. HTTP_MORE: the head has no end yet. Else the HTTP status with which the connection is to end:
 *  400, 405, 413 (a body where none belongs), 414, 431, 501, 505. */
int http_request_read(const char *data, uint32_t size, struct http_request *out);
/** The fields of a head that has been read, one by one: begin with *at = request->fields. False at the end. Names are as they were sent. */
bool http_field_next(const char *data, const struct http_request *request, uint32_t *at, struct http_text *name, struct http_text *value);
/** Case-insensitive; `word` in lower case. */
bool http_is(struct http_text text, const char *word);
/** The next element of a comma-separated list, which shrinks; false at the end. Empty elements are passed over. */
bool http_list_next(struct http_text *list, struct http_text *out);
/** May gzip be sent? (RFC 9110 12.5.3: named, or *, with a quality above 0) */
bool http_takes_gzip(struct http_text accept_encoding);
/** application/grpc-web or application/grpc-web-text, alone or with +proto or parameters. */
bool http_is_web_call(struct http_text content_type);
bool http_is_web_text(struct http_text content_type);
bool http_takes_brotli(struct http_text accept_encoding); /* only if it is named */
/** Is the tag (without quotes and W/) in an If-None-Match list? Weak comparison; * matches. */
bool http_has_tag(struct http_text if_none_match, const char *tag);

enum http_framing { HTTP_SIZED, HTTP_CHUNKED, HTTP_UNTIL_CLOSE };
/** What is answered. A NULL field is left out. */
struct http_answer {
    int status;
    enum http_framing framing;
    const char *content_type, *cache_control, *allow;
    char tag[80];                      /* "" = none; sent as a weak ETag: the same for every encoding */
    bool vary;                         /* by Accept-Encoding */
    const char *encoding;              /* NULL: as it is */
    struct http_text cors;             /* a listed origin that may read this */
    const char *more;                  /* further header lines, each with its CRLF */
};
/** The head, terminated, at most HTTP_ANSWER_MAX; returns its bytes. 204 and 304 have no length. */
uint32_t http_answer_write(const struct http_answer *answer, uint64_t body_size, bool keep_alive, int64_t now_ms, char *out);

/* ---- bodies ---- */

enum { HTTP_CHUNK_LINE_MAX = 256 }; /* a chunk's size and what extensions may follow it, which nobody uses */

/** A body that is being read. */
struct http_body {
    enum http_body_state { BODY_BYTES, BODY_SIZE, BODY_EXTENSION, BODY_SIZE_END, BODY_CHUNK, BODY_CHUNK_CR, BODY_CHUNK_LF, BODY_TRAILER, BODY_TRAILER_LF,
                           BODY_LAST_LF, BODY_DONE, BODY_BAD } state;
    uint64_t left;                     /* of the body, or of the chunk at hand */
    uint32_t digits, line;             /* of a chunk's size; bytes of the line at hand, or of all trailers */
};
void http_body_begin(struct http_body *body, const struct http_request *request);
/** Take bytes: returns how many were used; *piece (maybe empty) are those of them that are content. Goes on until `size` is used up, a piece was found, or
 *  the state is BODY_DONE or BODY_BAD. */
uint32_t http_body_read(struct http_body *body, const char *data, uint32_t size, struct http_text *piece);
bool http_body_is_done(const struct http_body *body);
bool http_body_is_bad(const struct http_body *body);

#endif
