/* A growing text, and the pieces that all answers are made of. A text that could not grow stays as it was; what went wrong is told at its end. */
#ifndef GEO_JSON_TEXT_H
#define GEO_JSON_TEXT_H

#include "geo_json/geo_json.h"

struct json {
    char *bytes;
    size_t size, capacity;
    enum geo_status status;
    bool gcj02;
};
__attribute__((format(printf, 2, 3))) void json_add(struct json *text, const char *format, ...);
void json_string(struct json *text, const char *value);       /* quoted and escaped */
void json_position(struct json *text, struct geo_point at);   /* [lon,lat] in the text's datum */
void json_collection(struct json *text);                      /* {"type":"FeatureCollection", ... "features":[ */
/** Hand the text over, or say why there is none. */
geo_must_use enum geo_status json_finish(struct json *text, char **out, size_t *size);
const char *json_class_name(uint8_t road_class);

#endif
