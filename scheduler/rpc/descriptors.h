/** What FileDescriptorSets say, by file, symbol and extension: the index behind reflection. It knows no service and no call. */
#ifndef RPC_DESCRIPTORS_H
#define RPC_DESCRIPTORS_H

#include "base/base.h"

enum { DESCRIPTORS_NONE = -1 };

struct descriptors;
struct descriptors *descriptors_new(void);
void descriptors_free(struct descriptors *descriptors);
/** Add the files of a serialized FileDescriptorSet (borrowed; it must live as long); a file whose name is there already is left out. INVALID_ARGUMENT
 *  if it is malformed or imports a file that neither it nor an earlier set has. After the last one, descriptors_seal. */
must_use enum status descriptors_add(struct descriptors *descriptors, const uint8_t *set, size_t size, struct error *err);
void descriptors_seal(struct descriptors *descriptors);

/** The file's index, or DESCRIPTORS_NONE. Symbols are full names without a leading dot: messages, fields, oneofs, enums and their values, services, methods,
 *  extensions. */
int descriptors_file(const struct descriptors *descriptors, const char *name, size_t size);
int descriptors_symbol(const struct descriptors *descriptors, const char *name, size_t size);
int descriptors_extension(const struct descriptors *descriptors, const char *type, size_t size, uint64_t number);
/** The numbers of `type`'s extensions, each as a varint; returns how many. */
size_t descriptors_extensions(const struct descriptors *descriptors, const char *type, size_t size, struct buffer *out);
/** The file and then all that it imports, directly or not, each once: FileDescriptorResponse. */
void descriptors_response(const struct descriptors *descriptors, int file, struct buffer *out);

#endif
