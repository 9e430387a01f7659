/* Bytes <-> messages. Hostile bytes are unpacked into a capped arena, and every text must be UTF-8 without NUL before anybody reads it. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static void *arena_take(void *context, size_t size)
{
    return arena_alloc(context, size);
}

static void arena_give(void *context, void *pointer)
{
    (void)context;
    (void)pointer; /* the arena goes whole */
}

struct wire {
    const uint8_t *at, *end;
};

static bool wire_varint(struct wire *wire, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (wire->at == wire->end) return false;
        uint8_t byte = *wire->at++;
        if (shift < 64) value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *out = value;
            return true;
        }
    }
    return false;
}

/* One field's bytes; `*bytes` is NULL unless it is length-delimited. */
static bool wire_field(struct wire *wire, uint64_t *number, const uint8_t **bytes, size_t *size)
{
    uint64_t key, value;
    if (!wire_varint(wire, &key)) return false;
    *number = key >> 3;
    *bytes = NULL;
    switch (key & 7) {
    case 0: return wire_varint(wire, &value);
    case 1: value = 8; break;
    case 5: value = 4; break;
    case 2:
        if (!wire_varint(wire, &value)) return false;
        *bytes = wire->at;
        break;
    default: return false;
    }
    if (value > (uint64_t)(wire->end - wire->at)) return false;
    *size = (size_t)value;
    wire->at += value;
    return true;
}

/* Checks every text where it lies on the wire, with its true length: protobuf-c hands out C strings, which a NUL would silently cut,
 * and takes any bytes for UTF-8. Malformed wire data is left for the unpacker to refuse. Depth is bounded: no type of ours is recursive. */
static enum status check_texts(const ProtobufCMessageDescriptor *descriptor, const uint8_t *bytes, size_t size, const char *path, struct error *err)
{
    struct wire wire = {bytes, bytes + size};
    uint64_t number;
    const uint8_t *inner;
    size_t inner_size = 0;
    while (wire.at < wire.end && wire_field(&wire, &number, &inner, &inner_size)) {
        if (!inner || number > INT32_MAX) continue;
        const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(descriptor, (unsigned)number);
        if (!field) continue;
        char name[ERROR_FIELD_MAX];
        text_format(name, sizeof name, "%s%s%s", path, *path ? "." : "", field->name);
        if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
            TRY(check_texts(field->descriptor, inner, inner_size, name, err));
        } else if (field->type == PROTOBUF_C_TYPE_STRING && !text_is_utf8((const char *)inner, inner_size)) {
            return error_field(err, name, memchr(inner, 0, inner_size) ? "must not contain a NUL character" : "must be valid UTF-8");
        }
    }
    return STATUS_OK;
}

enum status method_unpack(const ProtobufCMessageDescriptor *descriptor, const uint8_t *bytes, size_t size, struct arena **arena,
                          ProtobufCMessage **out, struct error *err)
{
    *arena = arena_new(API_UNPACK_BASE + size * API_UNPACK_FACTOR);
    TRY(check_texts(descriptor, bytes, size, "", err));
    ProtobufCAllocator allocator = {.alloc = arena_take, .free = arena_give, .allocator_data = *arena};
    ProtobufCMessage *message = protobuf_c_message_unpack(descriptor, &allocator, size, bytes);
    if (!message) {
        return error_set(err, STATUS_INVALID_ARGUMENT, "the request is not a valid %s message: %zu bytes could not be decoded (or unfold beyond the limit)",
                         descriptor->name, size);
    }
    *out = message;
    return STATUS_OK;
}

enum { PACK_ON_STACK = 4096 };

static enum status pack_and(enum status (*send)(struct rpc_call *, const uint8_t *, size_t), struct rpc_call *call, const ProtobufCMessage *message)
{
    uint8_t small[PACK_ON_STACK];
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = size <= sizeof small ? small : mem_alloc(size);
    protobuf_c_message_pack(message, bytes);
    enum status rc = send(call, bytes, size);
    if (bytes != small) free(bytes);
    return rc;
}

enum status method_send(struct rpc_call *call, const ProtobufCMessage *message)
{
    return pack_and(rpc_send, call, message);
}

void method_reply(struct rpc_call *call, const ProtobufCMessage *message)
{
    enum status rc = method_send(call, message);
    if (rc == STATUS_OK) {
        rpc_finish(call, NULL);
        return;
    }
    struct error err;
    error_set(&err, rc, "the answer is larger than this connection may hold; ask for less at once");
    rpc_finish(call, &err);
}
