/* Reading requests strictly (a request that two programs could read differently is refused: that is how one is smuggled past the other), writing
 * the heads of answers. */
#include "http.h"

#include <stdio.h>
#include <string.h>

/* ---- characters ---- */

static bool is_token_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c != 0 && strchr("!#$%&'*+-.^_`|~", c));
}

/* of a field's value: visible, space, tab, or above ASCII */
static bool is_value_character(char c)
{
    return (unsigned char)c >= 0x20 ? c != 0x7f : c == '\t';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool http_is(struct http_text text, const char *word)
{
    uint32_t i = 0;
    while (i < text.size && word[i] && lower(text.at[i]) == word[i]) i++;
    return i == text.size && word[i] == 0;
}

static struct http_text trimmed(const char *at, const char *end)
{
    while (at < end && is_space(*at)) at++;
    while (end > at && is_space(end[-1])) end--;
    return (struct http_text){at, (uint32_t)(end - at)};
}

bool http_list_next(struct http_text *list, struct http_text *out)
{
    while (list->size > 0) {
        const char *comma = memchr(list->at, ',', list->size), *end = comma ? comma : list->at + list->size;
        *out = trimmed(list->at, end);
        const char *rest = comma ? comma + 1 : end;
        list->size -= (uint32_t)(rest - list->at);
        list->at = rest;
        if (out->size > 0) return true;
    }
    return false;
}

/* ---- requests ---- */

/* Where the head ends (behind its empty line); NULL: not yet. */
static const char *head_end(const char *data, uint32_t size)
{
    const char *end = memmem(data, size, "\r\n\r\n", 4);
    return end ? end + 4 : NULL;
}

static int read_method(struct http_text text, enum http_method *out)
{
    if (text.size == 0) return 400;
    for (uint32_t i = 0; i < text.size; i++)
        if (!is_token_character(text.at[i])) return 400;
    if (text.size == 3 && memcmp(text.at, "GET", 3) == 0) return *out = HTTP_GET, HTTP_READ;
    if (text.size == 4 && memcmp(text.at, "HEAD", 4) == 0) return *out = HTTP_HEAD, HTTP_READ;
    if (text.size == 7 && memcmp(text.at, "OPTIONS", 7) == 0) return *out = HTTP_OPTIONS, HTTP_READ;
    if (text.size == 4 && memcmp(text.at, "POST", 4) == 0) return *out = HTTP_POST, HTTP_READ;
    return 405;
}

static int read_target(struct http_text target, struct http_request *out)
{
    if (target.size > HTTP_TARGET_MAX) return 414;
    for (uint32_t i = 0; i < target.size; i++)
        if ((unsigned char)target.at[i] <= 0x20 || (unsigned char)target.at[i] >= 0x7f) return 400;
    /* absolute form, as to a proxy: RFC 9112 3.2.2 has every server take it */
    if (target.size >= 7 && (http_is((struct http_text){target.at, 7}, "http://"))) {
        const char *slash = memchr(target.at + 7, '/', target.size - 7);
        if (!slash || slash == target.at + 7) return 400;
        target = (struct http_text){slash, target.size - (uint32_t)(slash - target.at)};
    }
    const char *query = target.size > 0 ? memchr(target.at, '?', target.size) : NULL;
    out->path = (struct http_text){target.at, query ? (uint32_t)(query - target.at) : target.size};
    if (out->path.size == 1 && out->path.at[0] == '*' && out->method == HTTP_OPTIONS) return HTTP_READ;
    return out->path.size > 0 && out->path.at[0] == '/' ? HTTP_READ : 400;
}

static int read_first_line(struct http_text line, struct http_request *out)
{
    const char *end = line.at + line.size, *first = line.size > 0 ? memchr(line.at, ' ', line.size) : NULL;
    if (!first) return 400;
    const char *second = memchr(first + 1, ' ', (size_t)(end - first - 1));
    if (!second) return 400;
    struct http_text version = {second + 1, (uint32_t)(end - second - 1)};
    if (version.size != 8 || memcmp(version.at, "HTTP/", 5) != 0 || version.at[6] != '.') return 400;
    if (version.at[5] != '1' || version.at[7] < '0' || version.at[7] > '9') return 505;
    out->keep_alive = out->is_1_1 = version.at[7] != '0';
    int rc = read_method((struct http_text){line.at, (uint32_t)(first - line.at)}, &out->method);
    if (rc != HTTP_READ && rc != 405) return rc;
    int target = read_target((struct http_text){first + 1, (uint32_t)(second - first - 1)}, out);
    return rc == 405 ? rc : target;
}

/* What of a field matters to us. */
struct seen_fields {
    uint32_t hosts, lengths, codings;
    bool closes, keeps;
};

static int take_connection(struct http_text value, struct seen_fields *seen)
{
    struct http_text element;
    while (http_list_next(&value, &element)) {
        seen->closes |= http_is(element, "close");
        seen->keeps |= http_is(element, "keep-alive");
    }
    return HTTP_READ;
}

static int take_length(struct http_text value, struct http_request *out, struct seen_fields *seen)
{
    enum { DIGITS_MAX = 18 };
    if (value.size == 0 || value.size > DIGITS_MAX || seen->lengths++ > 0) return 400;
    uint64_t size = 0;
    for (uint32_t i = 0; i < value.size; i++) {
        if (value.at[i] < '0' || value.at[i] > '9') return 400;
        size = size * 10 + (uint64_t)(value.at[i] - '0');
    }
    out->body_size = size;
    return size > 0 && out->method != HTTP_POST ? 413 : HTTP_READ;
}

/* Chunked alone is known; over another's coding we can't find the body's end. */
static int take_coding(struct http_text value, struct http_request *out, struct seen_fields *seen)
{
    if (out->method != HTTP_POST || !out->is_1_1) return 501;
    if (seen->codings++ > 0 || !http_is(value, "chunked")) return 501;
    out->chunked = true;
    return HTTP_READ;
}

/* a list may be spread over several fields; whoever does that gets what he had got without the later ones: never a wrong answer, at worst a longer one */
static void take_first(struct http_text *kept, struct http_text value)
{
    if (kept->size == 0) *kept = value;
}

static int split_field(struct http_text line, struct http_text *name, struct http_text *value)
{
    const char *end = line.at + line.size, *colon = memchr(line.at, ':', line.size);
    if (!colon || colon == line.at) return 400;
    *name = (struct http_text){line.at, (uint32_t)(colon - line.at)}; /* blanks before the colon or the name are no token characters */
    for (uint32_t i = 0; i < name->size; i++)
        if (!is_token_character(name->at[i])) return 400;
    *value = trimmed(colon + 1, end);
    for (uint32_t i = 0; i < value->size; i++)
        if (!is_value_character(value->at[i])) return 400;
    return HTTP_READ;
}

static int read_field(struct http_text line, struct http_request *out, struct seen_fields *seen)
{
    struct http_text name, value;
    if (split_field(line, &name, &value) != HTTP_READ) return 400;
    if (http_is(name, "host")) return out->host = value, seen->hosts++, HTTP_READ;
    if (http_is(name, "content-length")) return take_length(value, out, seen);
    if (http_is(name, "transfer-encoding")) return take_coding(value, out, seen);
    if (http_is(name, "connection")) return take_connection(value, seen);
    if (http_is(name, "if-none-match")) take_first(&out->if_none_match, value);
    else if (http_is(name, "accept-encoding")) take_first(&out->accept_encoding, value);
    else if (http_is(name, "origin")) take_first(&out->origin, value);
    else if (http_is(name, "content-type")) take_first(&out->content_type, value);
    else if (http_is(name, "access-control-request-method")) take_first(&out->wanted_method, value);
    else if (http_is(name, "expect")) out->expects_continue = out->is_1_1 && http_is(value, "100-continue");
    return HTTP_READ;
}

/* What can only be judged when all fields have been seen. */
static int judge(struct http_request *out, const struct seen_fields *seen)
{
    if (seen->hosts > 1 || (seen->hosts == 0 && out->is_1_1)) return 400;
    if (seen->codings > 0 && seen->lengths > 0) return 400; /* two programs could disagree where it ends */
    if (!out->keep_alive) out->keep_alive = seen->keeps;
    if (seen->closes) out->keep_alive = false;
    return HTTP_READ;
}

int http_request_read(const char *data, uint32_t size, struct http_request *out)
{
    *out = (struct http_request){.method = HTTP_GET};
    uint32_t blank = 0; /* empty lines before a request are passed over (RFC 9112 2.2): some clients send one after a body */
    while (size - blank >= 2 && blank < 4 && data[blank] == '\r' && data[blank + 1] == '\n') blank += 2;
    const char *end = head_end(data + blank, size - blank);
    if (!end) return size >= HTTP_HEAD_MAX ? (memchr(data + blank, '\n', size - blank) ? 431 : 414) : HTTP_MORE;
    if (end - data > HTTP_HEAD_MAX) return 431;
    struct seen_fields seen = {0};
    const char *at = data + blank;
    for (uint32_t number = 0; at < end - 2; number++) {
        const char *stop = memmem(at, (size_t)(end - at), "\r\n", 2);
        struct http_text line = {at, (uint32_t)(stop - at)};
        if (number > HTTP_FIELDS_MAX) return 431;
        int rc = number == 0 ? read_first_line(line, out) : read_field(line, out, &seen);
        if (rc != HTTP_READ) return rc;
        at = stop + 2;
        if (number == 0) out->fields = (uint32_t)(at - data);
    }
    out->size = (uint32_t)(end - data);
    return judge(out, &seen);
}

bool http_field_next(const char *data, const struct http_request *request, uint32_t *at, struct http_text *name, struct http_text *value)
{
    const char *begin = data + *at, *stop = memmem(begin, request->size - *at, "\r\n", 2);
    if (!stop || stop == begin) return false;
    *at = (uint32_t)(stop + 2 - data);
    return split_field((struct http_text){begin, (uint32_t)(stop - begin)}, name, value) == HTTP_READ;
}

/* "q=0", "q=0.0" … : not wanted */
static bool is_refused(struct http_text element)
{
    const char *at = memchr(element.at, ';', element.size), *end = element.at + element.size;
    if (!at) return false;
    struct http_text weight = trimmed(at + 1, end);
    if (weight.size < 3 || lower(weight.at[0]) != 'q' || weight.at[1] != '=') return true; /* not understood: plain is always right */
    for (uint32_t i = 2; i < weight.size; i++)
        if (weight.at[i] >= '1' && weight.at[i] <= '9') return false;
    return true;
}

/* Whether a coding is wanted: *named says whether the list has a word for it at all. */
static bool takes(struct http_text accept_encoding, const char *coding, const char *alias, bool *named)
{
    struct http_text element;
    while (http_list_next(&accept_encoding, &element)) {
        const char *semicolon = memchr(element.at, ';', element.size);
        struct http_text name = trimmed(element.at, semicolon ? semicolon : element.at + element.size);
        if (!http_is(name, coding) && !http_is(name, alias)) continue;
        *named = true;
        return !is_refused(element);
    }
    *named = false;
    return false;
}

bool http_takes_gzip(struct http_text accept_encoding)
{
    bool named, any = takes(accept_encoding, "gzip", "x-gzip", &named);
    return named ? any : takes(accept_encoding, "*", "*", &named);
}

static bool is_type(struct http_text type, const char *name)
{
    static const char PROTO[] = "+proto";
    uint32_t length = (uint32_t)strlen(name);
    if (type.size < length || !http_is((struct http_text){type.at, length}, name)) return false;
    struct http_text rest = {type.at + length, type.size - length};
    if (rest.size >= sizeof PROTO - 1 && http_is((struct http_text){rest.at, sizeof PROTO - 1}, PROTO)) rest = (struct http_text){rest.at + sizeof PROTO - 1, rest.size - (uint32_t)sizeof PROTO + 1};
    return rest.size == 0 || rest.at[0] == ';' || is_space(rest.at[0]);
}

bool http_is_web_text(struct http_text content_type)
{
    return is_type(content_type, "application/grpc-web-text");
}

bool http_is_web_call(struct http_text content_type)
{
    return is_type(content_type, "application/grpc-web") || http_is_web_text(content_type);
}

bool http_takes_brotli(struct http_text accept_encoding)
{
    bool named;
    return takes(accept_encoding, "br", "br", &named);
}

bool http_has_tag(struct http_text if_none_match, const char *tag)
{
    struct http_text element;
    while (http_list_next(&if_none_match, &element)) {
        if (element.size == 1 && element.at[0] == '*') return true;
        if (element.size > 2 && element.at[0] == 'W' && element.at[1] == '/') element = (struct http_text){element.at + 2, element.size - 2};
        if (element.size == strlen(tag) + 2 && element.at[0] == '"' && element.at[element.size - 1] == '"' && memcmp(element.at + 1, tag, element.size - 2) == 0) return true;
    }
    return false;
}

/* ---- answers ---- */

static const char *reason(int status)
{
    static const struct { int status; const char *reason; } REASONS[] = {
        {200, "OK"}, {204, "No Content"}, {304, "Not Modified"}, {400, "Bad Request"}, {403, "Forbidden"}, {404, "Not Found"}, {405, "Method Not Allowed"}, {413, "Content Too Large"},
        {414, "URI Too Long"}, {415, "Unsupported Media Type"}, {421, "Misdirected Request"}, {431, "Request Header Fields Too Large"}, {500, "Internal Server Error"}, {501, "Not Implemented"},
        {503, "Service Unavailable"}, {505, "HTTP Version Not Supported"}};
    for (size_t i = 0; i < COUNT_OF(REASONS); i++)
        if (REASONS[i].status == status) return REASONS[i].reason;
    UNREACHABLE("a status that we never send");
}

/* IMF-fixdate (RFC 9110 5.6.7); the calendar by Hinnant, "chrono-compatible low-level date algorithms", civil_from_days. */
static void write_date(int64_t now_ms, char *out, size_t capacity)
{
    static const char *const DAYS[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char *const MONTHS[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t seconds = now_ms / 1000, days = seconds / 86400, of_day = seconds % 86400;
    int64_t shifted = days + 719468, era = shifted / 146097, day_of_era = shifted % 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100), from_march = (5 * day_of_year + 2) / 153;
    int64_t day = day_of_year - (153 * from_march + 2) / 5 + 1, month = from_march < 10 ? from_march + 2 : from_march - 10;
    int64_t year = year_of_era + era * 400 + (month < 2);
    text_format(out, capacity, "%s, %02d %s %04d %02d:%02d:%02d GMT", DAYS[days % 7], (int)day, MONTHS[month], (int)year, (int)(of_day / 3600),
                (int)(of_day / 60 % 60), (int)(of_day % 60));
}

static void add(char *out, uint32_t *size, const char *format, ...) printf_like(3, 4);
static void add(char *out, uint32_t *size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int more = vsnprintf(out + *size, HTTP_ANSWER_MAX - *size, format, arguments);
    va_end(arguments);
    ASSERT(more >= 0 && (uint32_t)more < HTTP_ANSWER_MAX - *size); /* our own words only: none is as long as that */
    *size += (uint32_t)more;
}

uint32_t http_answer_write(const struct http_answer *answer, uint64_t body_size, bool keep_alive, int64_t now_ms, char *out)
{
    uint32_t size = 0;
    char date[40];
    write_date(now_ms, date, sizeof date);
    add(out, &size, "HTTP/1.1 %d %s\r\nDate: %s\r\n", answer->status, reason(answer->status), date);
    if (answer->content_type) add(out, &size, "Content-Type: %s\r\nX-Content-Type-Options: nosniff\r\n", answer->content_type);
    if (answer->framing == HTTP_CHUNKED) add(out, &size, "Transfer-Encoding: chunked\r\n");
    if (answer->framing == HTTP_SIZED && answer->status != 204 && answer->status != 304) add(out, &size, "Content-Length: %llu\r\n", (unsigned long long)body_size);
    if (answer->encoding) add(out, &size, "Content-Encoding: %s\r\n", answer->encoding);
    if (answer->vary) add(out, &size, "Vary: Accept-Encoding\r\n");
    if (answer->tag[0]) add(out, &size, "ETag: W/\"%s\"\r\n", answer->tag);
    if (answer->cache_control) add(out, &size, "Cache-Control: %s\r\n", answer->cache_control);
    if (answer->cors.size > 0)
        add(out, &size, "Access-Control-Allow-Origin: %.*s\r\nAccess-Control-Expose-Headers: grpc-status, grpc-message, grpc-status-details-bin\r\nVary: Origin\r\n",
            (int)answer->cors.size, answer->cors.at);
    if (answer->more) add(out, &size, "%s", answer->more);
    if (answer->allow) add(out, &size, "Allow: %s\r\n", answer->allow);
    add(out, &size, "Connection: %s\r\n\r\n", keep_alive ? "keep-alive" : "close");
    return size;
}
