/* rpc/tls against OpenSSL's own client, in memory: handshakes cut anywhere, what is refused, who the client is, and certificates made on the spot. */
#include "scheduler/rpc/tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- certificates ---- */

static char folder[] = "/tmp/rpc-tls-XXXXXX";

struct pair {
    EVP_PKEY *key;
    X509 *certificate;
};
static struct pair authority, server, other, by_uri, by_dns, by_name, by_nul, stranger;

static struct pair make(const char *name, const char *alternative, const struct pair *issuer)
{
    static int serial;
    struct pair made = {EVP_EC_gen("P-256"), X509_new()};
    assert_non_null(made.key);
    X509_set_version(made.certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(made.certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made.certificate), 3600);
    X509_set_pubkey(made.certificate, made.key);
    X509_NAME *subject = X509_get_subject_name(made.certificate);
    assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0), 1);
    X509_set_issuer_name(made.certificate, X509_get_subject_name(issuer ? issuer->certificate : made.certificate));
    X509_EXTENSION *basic = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, issuer ? "CA:FALSE" : "critical,CA:TRUE");
    X509_add_ext(made.certificate, basic, -1);
    X509_EXTENSION_free(basic);
    if (alternative) {
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alternative);
        assert_non_null(extension);
        X509_add_ext(made.certificate, extension, -1);
        X509_EXTENSION_free(extension);
    }
    assert_true(X509_sign(made.certificate, issuer ? issuer->key : made.key, EVP_sha256()) > 0);
    return made;
}

/* A URI with a NUL inside, as a certificate that means to deceive would have. */
static struct pair make_with_nul(void)
{
    static const unsigned char URI[] = "pharmacy:1\0.evil";
    struct pair made = make("evil", NULL, &authority);
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    ASN1_STRING_set(text, URI, sizeof URI - 1);
    GENERAL_NAME_set0_value(name, GEN_URI, text);
    sk_GENERAL_NAME_push(names, name);
    assert_int_equal(X509_add1_ext_i2d(made.certificate, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT), 1);
    GENERAL_NAMES_free(names);
    assert_true(X509_sign(made.certificate, authority.key, EVP_sha256()) > 0);
    return made;
}

static const char *path_of(const char *name)
{
    static char paths[4][200];
    static unsigned next;
    char *path = paths[next++ % 4];
    text_format(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void store(const char *name, X509 *certificate, EVP_PKEY *key)
{
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    if (certificate) assert_int_equal(PEM_write_X509(file, certificate), 1);
    if (key) assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
}

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    authority = make("authority", NULL, NULL);
    server = make("localhost", "DNS:localhost", &authority);
    other = make("localhost", "DNS:localhost", &authority);
    by_uri = make("x", "DNS:a.example,URI:pharmacy:17", &authority);
    by_dns = make("x", "DNS:settle.example", &authority);
    by_name = make("courier 9", NULL, &authority);
    by_nul = make_with_nul();
    stranger = make("stranger", NULL, NULL);
    store("ca.pem", authority.certificate, NULL);
    store("server.pem", server.certificate, NULL);
    store("server.key", NULL, server.key);
    store("other.pem", other.certificate, NULL);
    store("other.key", NULL, other.key);
    store("empty", NULL, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const FILES[] = {"ca.pem", "server.pem", "server.key", "other.pem", "other.key", "empty"};
    for (size_t i = 0; i < COUNT_OF(FILES); i++) unlink(path_of(FILES[i]));
    struct pair *const pairs[] = {&authority, &server, &other, &by_uri, &by_dns, &by_name, &by_nul, &stranger};
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        EVP_PKEY_free(pairs[i]->key);
        X509_free(pairs[i]->certificate);
    }
    return rmdir(folder);
}

/* ---- a client in memory ---- */

struct client {
    SSL *ssl;
    BIO *in, *out;
    struct tls *tls;
    struct buffer heard, wire;        /* plaintext that the server has heard; its ciphertext on the way */
    enum tls_state state;
};

static bool on_plain(void *to, const uint8_t *bytes, size_t count)
{
    buffer_append(to, bytes, count);
    return true;
}

static struct tls_context *context_of(const char *ca, bool needed)
{
    struct tls_context *context = NULL;
    struct error err = {0};
    struct rpc_tls tls = {path_of("server.pem"), path_of("server.key"), ca, needed};
    enum status rc = tls_context_new(&tls, &context, &err);
    if (rc != STATUS_OK) fail_msg("%s", err.text);
    return context;
}

static void client_begin(struct client *client, struct tls_context *context, const struct pair *who, const char *alpn, size_t alpn_size, int version)
{
    SSL_CTX *ssl = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(ssl, 0); /* so that the client would speak what the server must refuse */
    assert_int_equal(SSL_CTX_set_max_proto_version(ssl, version), 1);
    if (who) {
        assert_int_equal(SSL_CTX_use_certificate(ssl, who->certificate), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(ssl, who->key), 1);
    }
    if (alpn) assert_int_equal(SSL_CTX_set_alpn_protos(ssl, (const unsigned char *)alpn, (unsigned)alpn_size), 0);
    *client = (struct client){.ssl = SSL_new(ssl), .in = BIO_new(BIO_s_mem()), .out = BIO_new(BIO_s_mem()), .tls = tls_new(context)};
    SSL_CTX_free(ssl);
    SSL_set_bio(client->ssl, client->in, client->out);
    SSL_set_connect_state(client->ssl);
    buffer_init(&client->heard, 1 << 22);
    buffer_init(&client->wire, 1 << 22);
}

static void client_end(struct client *client)
{
    SSL_free(client->ssl);
    tls_free(client->tls);
    buffer_deinit(&client->heard);
    buffer_deinit(&client->wire);
    ERR_clear_error();
}

/* Bytes both ways, to the server `cut` at a time, until nothing moves. */
static void client_pump(struct client *client, size_t cut)
{
    for (bool moved = true; moved;) {
        moved = false;
        if (!SSL_is_init_finished(client->ssl)) {
            int rc = SSL_do_handshake(client->ssl);
            (void)rc;
        }
        uint8_t bytes[4096];
        int count;
        while ((count = BIO_read(client->out, bytes, (int)(cut < sizeof bytes ? cut : sizeof bytes))) > 0) {
            moved = true;
            if (client->state != TLS_CLOSED) client->state = tls_feed(client->tls, bytes, (size_t)count, on_plain, &client->heard, &client->wire);
        }
        if (client->wire.size) {
            moved = true;
            assert_int_equal(BIO_write(client->in, client->wire.data, (int)client->wire.size), client->wire.size);
            buffer_clear(&client->wire);
        }
    }
}

#define H2 "\x02h2", 3

static void test_any_cut_of_the_handshake_and_data_both_ways(void **state)
{
    (void)state;
    static const int VERSIONS[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    static uint8_t large[200000], back[200000];
    for (size_t i = 0; i < sizeof large; i++) large[i] = (uint8_t)(i * 7);
    struct tls_context *context = context_of(NULL, false);
    for (size_t round = 0; round < 8; round++) {
        struct client client;
        size_t cut = (size_t[]){1, 3, 17, 5000}[round / 2];
        client_begin(&client, context, NULL, H2, VERSIONS[round % 2]);
        client_pump(&client, cut);
        assert_int_equal(client.state, TLS_OPEN);
        assert_int_equal(SSL_version(client.ssl), VERSIONS[round % 2]);
        char identity[IDENTITY_MAX];
        tls_identity(client.tls, identity, sizeof identity);
        assert_string_equal(identity, "");
        assert_int_equal(SSL_write(client.ssl, large, sizeof large), sizeof large);
        client_pump(&client, cut);
        assert_int_equal(client.heard.size, sizeof large);
        assert_memory_equal(client.heard.data, large, sizeof large);
        assert_true(tls_write(client.tls, large, sizeof large, &client.wire));
        client_pump(&client, cut);
        for (size_t at = 0; at < sizeof back;) {
            int count = SSL_read(client.ssl, back + at, (int)(sizeof back - at));
            assert_true(count > 0);
            at += (size_t)count;
        }
        assert_memory_equal(back, large, sizeof large);
        tls_close(client.tls, &client.wire);
        tls_close(client.tls, &client.wire); /* once */
        client_pump(&client, cut);
        assert_true(SSL_read(client.ssl, back, 1) <= 0 && SSL_get_shutdown(client.ssl) & SSL_RECEIVED_SHUTDOWN);
        SSL_shutdown(client.ssl);
        client_pump(&client, cut);
        assert_int_equal(client.state, TLS_CLOSED);
        client_end(&client);
    }
    tls_context_free(context);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    static const struct { const char *alpn; size_t size; int version; } ROWS[] = {
        {NULL, 0, TLS1_3_VERSION}, {"\x08http/1.1", 9, TLS1_3_VERSION}, {"\x03h2c", 4, TLS1_3_VERSION}, {"\x08http/1.1", 9, TLS1_2_VERSION}, {H2, TLS1_1_VERSION},
    };
    struct tls_context *context = context_of(NULL, false);
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        struct client client;
        client_begin(&client, context, NULL, ROWS[i].alpn, ROWS[i].size, ROWS[i].version);
        client_pump(&client, 1000);
        assert_int_equal(client.state, TLS_CLOSED);
        client_end(&client);
    }
    static const char *const NOISE[] = {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\xff\xff\x01\xff\xff\xff", "\x17\x03\x03\x00\x01x"};
    for (size_t i = 0; i < COUNT_OF(NOISE); i++) {
        struct tls *tls = tls_new(context);
        struct buffer heard, out;
        buffer_init(&heard, 1000);
        buffer_init(&out, 1000);
        enum tls_state after = tls_feed(tls, (const uint8_t *)NOISE[i], 9, on_plain, &heard, &out);
        if (after != TLS_CLOSED) after = tls_feed(tls, (const uint8_t *)NOISE[i], 9, on_plain, &heard, &out);
        assert_true(after == TLS_CLOSED || (i == 3 && after == TLS_HANDSHAKE));
        assert_int_equal(heard.size, 0);
        buffer_deinit(&heard);
        buffer_deinit(&out);
        tls_free(tls);
    }
    tls_context_free(context);
}

static void test_who_the_client_is(void **state)
{
    (void)state;
    const struct { const struct pair *who; bool needed; enum tls_state state; const char *identity; } rows[] = {
        {&by_uri, true, TLS_OPEN, "uri:pharmacy:17"}, {&by_dns, true, TLS_OPEN, "dns:settle.example"}, {&by_name, true, TLS_OPEN, "cn:courier 9"},
        {&by_name, false, TLS_OPEN, "cn:courier 9"},  {NULL, false, TLS_OPEN, ""},                     {NULL, true, TLS_CLOSED, ""},
        {&stranger, true, TLS_CLOSED, ""},            {&stranger, false, TLS_CLOSED, ""},              {&by_nul, true, TLS_OPEN, "cn:evil"},
    };
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++)
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
            struct tls_context *context = context_of(path_of("ca.pem"), rows[i].needed);
            struct client client;
            char identity[IDENTITY_MAX];
            client_begin(&client, context, rows[i].who, H2, version);
            tls_context_free(context); /* the connection keeps it */
            client_pump(&client, 1000);
            assert_int_equal(client.state, rows[i].state);
            tls_identity(client.tls, identity, sizeof identity);
            if (client.state == TLS_OPEN) assert_string_equal(identity, rows[i].identity);
            else assert_string_equal(identity, "");
            client_end(&client);
        }
}

static void test_bad_files_are_refused_by_name(void **state)
{
    (void)state;
    const struct rpc_tls rows[] = {
        {path_of("none.pem"), path_of("server.key"), NULL, false}, {path_of("server.pem"), path_of("none.key"), NULL, false},
    };
    struct tls_context *context = NULL;
    struct error err;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(tls_context_new(&rows[i], &context, &err), STATUS_INVALID_ARGUMENT);
        assert_non_null(strstr(err.text, "none."));
    }
    struct rpc_tls mixed = {path_of("server.pem"), path_of("other.key"), NULL, false};
    assert_int_equal(tls_context_new(&mixed, &context, &err), STATUS_INVALID_ARGUMENT);
    assert_non_null(strstr(err.text, "other.key"));
    struct rpc_tls keyless = {path_of("server.pem"), NULL, NULL, false};
    assert_int_equal(tls_context_new(&keyless, &context, &err), STATUS_INVALID_ARGUMENT);
    struct rpc_tls trustless = {path_of("server.pem"), path_of("server.key"), path_of("empty"), true};
    assert_int_equal(tls_context_new(&trustless, &context, &err), STATUS_INVALID_ARGUMENT);
    assert_null(context);
    assert_int_equal(ERR_peek_error(), 0); /* OpenSSL's queue is left clean for the next */
}

/* A flipped bit anywhere in what the client says is never heard as plaintext, and ends the connection. */
static void test_tampering_ends_it(void **state)
{
    (void)state;
    struct tls_context *context = context_of(NULL, false);
    for (size_t at = 0; at < 34; at++) { /* 12 bytes, their type, a tag, a header */
        struct client client;
        uint8_t bytes[200];
        client_begin(&client, context, NULL, H2, TLS1_3_VERSION);
        client_pump(&client, 1000);
        assert_int_equal(SSL_write(client.ssl, "secret words", 12), 12);
        int count = BIO_read(client.out, bytes, sizeof bytes);
        assert_int_equal(count, 34);
        bytes[at] ^= 0x40;
        enum tls_state after = tls_feed(client.tls, bytes, (size_t)count, on_plain, &client.heard, &client.wire);
        assert_int_equal(client.heard.size, 0);
        assert_true(after == TLS_CLOSED || at == 3 || at == 4); /* a longer record is still awaited */
        client_end(&client);
    }
    tls_context_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_cut_of_the_handshake_and_data_both_ways),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_who_the_client_is),
        cmocka_unit_test(test_bad_files_are_refused_by_name),
        cmocka_unit_test(test_tampering_ends_it),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
