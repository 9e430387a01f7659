/* OpenSSL with a BIO of our own: it reads from the bytes at hand and writes into the connection's buffer, so nothing is copied twice and nothing blocks. */
#include "tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum { PLAIN_BYTES = 16384 /* a record's largest plaintext */ };

struct tls_context {
    SSL_CTX *ssl;
    BIO_METHOD *bio;
    uint32_t users;                   /* the server, and each connection that began with it */
};

struct tls {
    struct tls_context *context;
    SSL *ssl;
    const uint8_t *in;                /* what tls_feed was given, for the length of the call */
    size_t in_size;
    struct buffer *out;
    enum tls_state state;
    bool close_said;
};

/* ---- the BIO ---- */

static int bio_read(BIO *bio, char *to, int most)
{
    struct tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (most <= 0) return 0;
    size_t take = tls->in_size < (size_t)most ? tls->in_size : (size_t)most;
    if (take == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(to, tls->in, take);
    tls->in += take;
    tls->in_size -= take;
    return (int)take;
}

static int bio_write(BIO *bio, const char *bytes, int count)
{
    struct tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (count <= 0 || !tls->out) return -1;
    buffer_append(tls->out, bytes, (size_t)count);
    return tls->out->full ? -1 : count;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO_METHOD *bio_method_new(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "rpc bytes");
    ASSERT(method);
    int rc = BIO_meth_set_read(method, bio_read) && BIO_meth_set_write(method, bio_write) && BIO_meth_set_ctrl(method, bio_control);
    ASSERT(rc);
    return method;
}

/* ---- the context ---- */

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_size, const unsigned char *in, unsigned int in_size, void *context)
{
    (void)ssl;
    (void)context;
    static const unsigned char H2[] = {2, 'h', '2'};
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, out_size, H2, sizeof H2, in, in_size) != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static const char *reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());
    return text ? text : "unreadable";
}

/* Sound defaults: nothing older than 1.2, there only what HTTP/2 allows (RFC 9113, 9.2), no renegotiation, no cache of sessions (tickets do). */
static void harden(SSL_CTX *ssl)
{
    static const unsigned char SESSIONS_OF[] = "meddispatch";
    ASSERT(SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) == 1);
    int rc = SSL_CTX_set_cipher_list(ssl, "ECDHE+AESGCM:ECDHE+CHACHA20");
    ASSERT(rc);
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    rc = SSL_CTX_set_session_id_context(ssl, SESSIONS_OF, sizeof SESSIONS_OF - 1);
    ASSERT(rc);
    SSL_CTX_set_alpn_select_cb(ssl, on_alpn, NULL);
}

static enum status trust_clients(SSL_CTX *ssl, const struct rpc_tls *tls, struct error *err)
{
    if (!tls->client_ca_file) return STATUS_OK;
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(tls->client_ca_file);
    if (!names || SSL_CTX_load_verify_locations(ssl, tls->client_ca_file, NULL) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return error_set(err, STATUS_INVALID_ARGUMENT, "client certificates' authority %s: %s", tls->client_ca_file, reason());
    }
    SSL_CTX_set_client_CA_list(ssl, names);
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | (tls->client_certificate_needed ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
    return STATUS_OK;
}

static enum status read_files(SSL_CTX *ssl, const struct rpc_tls *tls, struct error *err)
{
    if (SSL_CTX_use_certificate_chain_file(ssl, tls->certificate_file) != 1)
        return error_set(err, STATUS_INVALID_ARGUMENT, "certificate %s: %s", tls->certificate_file, reason());
    if (SSL_CTX_use_PrivateKey_file(ssl, tls->key_file, SSL_FILETYPE_PEM) != 1)
        return error_set(err, STATUS_INVALID_ARGUMENT, "private key %s: %s", tls->key_file, reason());
    if (SSL_CTX_check_private_key(ssl) != 1)
        return error_set(err, STATUS_INVALID_ARGUMENT, "private key %s does not belong to certificate %s", tls->key_file, tls->certificate_file);
    return trust_clients(ssl, tls, err);
}

enum status tls_context_new(const struct rpc_tls *tls, struct tls_context **out, struct error *err)
{
    if (!tls->key_file) return error_set(err, STATUS_INVALID_ARGUMENT, "a certificate needs its private key");
    ERR_clear_error();
    SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());
    ASSERT(ssl);
    harden(ssl);
    enum status rc = read_files(ssl, tls, err);
    ERR_clear_error();
    if (rc != STATUS_OK) {
        SSL_CTX_free(ssl);
        return rc;
    }
    *out = mem_zalloc(1, sizeof **out);
    **out = (struct tls_context){ssl, bio_method_new(), 1};
    return STATUS_OK;
}

void tls_context_free(struct tls_context *context)
{
    if (!context || --context->users > 0) return;
    SSL_CTX_free(context->ssl);
    BIO_meth_free(context->bio);
    free(context);
}

/* ---- a connection ---- */

struct tls *tls_new(struct tls_context *context)
{
    struct tls *tls = mem_zalloc(1, sizeof *tls);
    BIO *bio = BIO_new(context->bio);
    tls->context = context;
    context->users++;
    tls->ssl = SSL_new(context->ssl);
    ASSERT(tls->ssl && bio);
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio);
    SSL_set_accept_state(tls->ssl);
    return tls;
}

void tls_free(struct tls *tls)
{
    if (!tls) return;
    SSL_free(tls->ssl);
    tls_context_free(tls->context);
    free(tls);
}

enum tls_state tls_state(const struct tls *tls)
{
    return tls->state;
}

/* After a handshake without ALPN nobody knows what the peer would speak. */
static bool speaks_h2(const struct tls *tls)
{
    const unsigned char *name;
    unsigned int size;
    SSL_get0_alpn_selected(tls->ssl, &name, &size);
    return size == 2 && memcmp(name, "h2", 2) == 0;
}

static void handshake(struct tls *tls)
{
    int rc = SSL_do_handshake(tls->ssl);
    if (rc == 1) tls->state = speaks_h2(tls) ? TLS_OPEN : TLS_CLOSED;
    else if (SSL_get_error(tls->ssl, rc) != SSL_ERROR_WANT_READ) tls->state = TLS_CLOSED;
}

static void read_plain(struct tls *tls, bool (*on_plain)(void *to, const uint8_t *bytes, size_t count), void *to)
{
    uint8_t plain[PLAIN_BYTES];
    while (tls->state == TLS_OPEN) {
        int count = SSL_read(tls->ssl, plain, sizeof plain);
        if (count > 0) {
            if (!on_plain(to, plain, (size_t)count)) return;
        } else {
            if (SSL_get_error(tls->ssl, count) != SSL_ERROR_WANT_READ) tls->state = TLS_CLOSED;
            return;
        }
    }
}

enum tls_state tls_feed(struct tls *tls, const uint8_t *bytes, size_t count, bool (*on_plain)(void *to, const uint8_t *bytes, size_t count), void *to,
                        struct buffer *out)
{
    ERR_clear_error();
    tls->in = bytes;
    tls->in_size = count;
    tls->out = out;
    if (tls->state == TLS_HANDSHAKE) handshake(tls);
    read_plain(tls, on_plain, to);
    tls->in = NULL;
    tls->in_size = 0;
    tls->out = NULL;
    ERR_clear_error();
    return tls->state;
}

bool tls_write(struct tls *tls, const uint8_t *bytes, size_t count, struct buffer *out)
{
    ASSERT(tls->state == TLS_OPEN);
    ERR_clear_error();
    tls->out = out;
    for (size_t at = 0; at < count && tls->state == TLS_OPEN;) {
        size_t piece = count - at < PLAIN_BYTES ? count - at : PLAIN_BYTES;
        int wrote = SSL_write(tls->ssl, bytes + at, (int)piece);
        if (wrote <= 0) tls->state = TLS_CLOSED;
        else at += (size_t)wrote;
    }
    tls->out = NULL;
    ERR_clear_error();
    return tls->state == TLS_OPEN;
}

void tls_close(struct tls *tls, struct buffer *out)
{
    if (tls->close_said) return;
    tls->close_said = true;
    ERR_clear_error();
    tls->out = out;
    if (SSL_is_init_finished(tls->ssl)) SSL_shutdown(tls->ssl);
    tls->out = NULL;
    ERR_clear_error();
}

/* ---- who the peer is ---- */

/* Names with a NUL inside, or too long, name nobody. */
static bool name_copy(char *out, size_t capacity, const char *kind, const unsigned char *name, int size)
{
    if (size <= 0 || (size_t)size + strlen(kind) >= capacity || memchr(name, 0, (size_t)size)) return false;
    memcpy(out, kind, strlen(kind));
    memcpy(out + strlen(kind), name, (size_t)size);
    out[strlen(kind) + (size_t)size] = 0;
    return true;
}

static bool alternative_name(X509 *certificate, int type, const char *kind, char *out, size_t capacity)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    bool found = false;
    for (int i = 0; names && !found && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != type) continue;
        const ASN1_STRING *text = type == GEN_URI ? name->d.uniformResourceIdentifier : name->d.dNSName;
        found = name_copy(out, capacity, kind, ASN1_STRING_get0_data(text), ASN1_STRING_length(text));
    }
    GENERAL_NAMES_free(names);
    return found;
}

static bool common_name(X509 *certificate, char *out, size_t capacity)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0) return false;
    unsigned char *text = NULL;
    int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    bool found = name_copy(out, capacity, "cn:", text, size);
    OPENSSL_free(text);
    return found;
}

void tls_identity(const struct tls *tls, char *out, size_t capacity)
{
    out[0] = 0;
    if (SSL_get_verify_result(tls->ssl) != X509_V_OK) return;
    X509 *certificate = SSL_get1_peer_certificate(tls->ssl);
    if (!certificate) return;
    if (!alternative_name(certificate, GEN_URI, "uri:", out, capacity) && !alternative_name(certificate, GEN_DNS, "dns:", out, capacity) &&
        !common_name(certificate, out, capacity)) out[0] = 0;
    X509_free(certificate);
    ERR_clear_error();
}
