/** TLS 1.3 and 1.2 on bytes, without a socket: ciphertext in and out, plaintext in and out. OpenSSL lives here and nowhere else in this room. */
#ifndef RPC_TLS_H
#define RPC_TLS_H

#include "rpc/rpc.h"

enum { IDENTITY_MAX = 256 };

/** Certificate, key and whom to trust: read from files once, shared by connections; those that began with an older one keep it. */
struct tls_context;
must_use enum status tls_context_new(const struct rpc_tls *tls, struct tls_context **out, struct error *err);
/** The maker's share; the last connection frees it. Contexts and connections of one belong to one thread. */
void tls_context_free(struct tls_context *context);

/** The server's side of one connection. */
struct tls;
struct tls *tls_new(struct tls_context *context);
void tls_free(struct tls *tls);

enum tls_state {
    TLS_HANDSHAKE,                  /* neither reads nor writes yet */
    TLS_OPEN,
    TLS_CLOSED,                     /* the peer has said that it ends, or broke the protocol: send what tls_output gives, and close */
};
/** Take ciphertext (all of it; borrowed for the call). Plaintext goes to `on_plain` in pieces, until it returns false. What is to be sent (handshake, alerts)
 *  is appended to `out`. */
must_use enum tls_state tls_feed(struct tls *tls, const uint8_t *bytes, size_t count, bool (*on_plain)(void *to, const uint8_t *bytes, size_t count), void *to,
                                 struct buffer *out);
/** Encrypt `bytes` into `out`. Only when TLS_OPEN. False: it failed; close. */
must_use bool tls_write(struct tls *tls, const uint8_t *bytes, size_t count, struct buffer *out);
/** Our close_notify, once. */
void tls_close(struct tls *tls, struct buffer *out);
enum tls_state tls_state(const struct tls *tls);
/** Whom the verified client certificate names: "uri:…", "dns:…" or "cn:…"; "" if there is none. */
void tls_identity(const struct tls *tls, char *out, size_t capacity);

#endif
