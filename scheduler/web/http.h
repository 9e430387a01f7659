/* HTTP/1.1 (RFC 9110, 9112) as bytes in and bytes out: the head of a request, the head of an answer. No socket, no clock, no memory of its own. */
#ifndef WEB_HTTP_H
#define WEB_HTTP_H

#include "base/base.h"

enum {
    HTTP_HEAD_MAX = 8192,    /* browsers send about 1 kB, with many cookies 4 kB */
    HTTP_TARGET_MAX = 1024,  /* our longest path has 40 bytes; a query may follow */
    HTTP_FIELDS_MAX = 64,
    HTTP_ANSWER_MAX = 1024,  /* the head we send: 500 bytes at most */
};

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_OPTIONS };
/** A piece of the request's bytes; size 0: absent or empty. */
struct http_text {
    const char *at;
    uint32_t size;
};
struct http_request {
    enum http_method method;
    struct http_text path;             /* begins with '/' (or is "*" for OPTIONS), without query; as sent, not percent-decoded */
    struct http_text if_none_match, accept_encoding;
    bool keep_alive;
    uint32_t size;                     /* bytes of the head; what follows is the next request's */
};

enum { HTTP_MORE = 0, HTTP_READ = 1 };
/** HTTP_READ: *out is set and points into `data`. HTTP_MORE: the head has no end yet. Else the HTTP status with which the connection is to end:
 *  400, 405, 413 (it has a body), 414, 431, 501, 505. */
int http_request_read(const char *data, uint32_t size, struct http_request *out);
/** May gzip be sent? (RFC 9110 12.5.3: named, or *, with a quality above 0) */
bool http_takes_gzip(struct http_text accept_encoding);
/** Is the tag (without quotes and W/) in an If-None-Match list? Weak comparison; * matches. */
bool http_has_tag(struct http_text if_none_match, const char *tag);

/** What is answered. A NULL field is left out. */
struct http_answer {
    int status;
    const char *content_type, *cache_control, *allow;
    char tag[80];                      /* "" = none; sent as a weak ETag: the same for every encoding */
    bool gzip, vary;
};
/** The head, terminated, at most HTTP_ANSWER_MAX; returns its bytes. 204 and 304 have no length. */
uint32_t http_answer_write(const struct http_answer *answer, uint64_t body_size, bool keep_alive, int64_t now_ms, char *out);

#endif
