/* grpc.testing.TestService on the rpc room, as gRPC's interoperability description asks: official clients run their cases against it.
 *
 *   interop_server [--port P] [--tls --cert FILE --key FILE [--client-ca FILE]]
 *
 * Port 0 (the default) takes any free one; prints `listening address=…`. SIGTERM drains, SIGHUP reads the TLS files again. With --client-ca clients must
 * show a certificate, and each answer's header x-identity says whom it names.
 */
#include "grpc/testing/messages.pb-c.h"
#include "rpc/rpc.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REQUEST_MAX = 16 << 20, RESPONSE_MAX = 16 << 20, PLANS_MAX = 4096, QUEUED_MAX = 1 << 20, DRAIN_MS = 3000 };

extern const unsigned char interop_descriptors[];
extern const unsigned long interop_descriptors_size;

struct service {
    struct loop *loop;
    struct rpc_server *server;
    struct rpc_tls tls;
    const char *port;
};

/* ---- what all calls do ---- */

static void echo_metadata(struct rpc_call *call)
{
    size_t size;
    const char *value = rpc_call_metadata(call, "x-grpc-test-echo-initial", &size);
    if (value) rpc_call_add_header(call, "x-grpc-test-echo-initial", value, size);
    value = rpc_call_metadata(call, "x-grpc-test-echo-trailing-bin", &size);
    if (value) rpc_call_add_trailer(call, "x-grpc-test-echo-trailing-bin", value, size);
    const char *identity = rpc_call_identity(call);
    if (*identity) rpc_call_add_header(call, "x-identity", identity, strlen(identity));
}

static void fail(struct rpc_call *call, enum status status, const char *text)
{
    struct error err = {.status = status};
    text_copy(err.text, sizeof err.text, text);
    rpc_finish(call, &err);
}

static bool is_true(const Grpc__Testing__BoolValue *value)
{
    return value && value->value;
}

/* Whether the message at hand is compressed as its sender says it is. */
static bool is_as_expected(const struct rpc_call *call, const Grpc__Testing__BoolValue *expect_compressed)
{
    return !is_true(expect_compressed) || rpc_call_was_compressed(call);
}

static enum status send_packed(struct rpc_call *call, const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = mem_alloc(size + 1);
    protobuf_c_message_pack(message, bytes);
    enum status rc = rpc_send(call, bytes, size);
    free(bytes);
    return rc;
}

/* A payload of zeros; its memory is the caller's. */
static Grpc__Testing__Payload payload_of(int32_t size)
{
    Grpc__Testing__Payload payload = GRPC__TESTING__PAYLOAD__INIT;
    payload.body.data = size ? mem_zalloc((size_t)size, 1) : NULL;
    payload.body.len = (size_t)size;
    return payload;
}

/* ---- unary ---- */

static void on_empty(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)context;
    (void)message;
    (void)size;
    echo_metadata(call);
    enum status rc = rpc_send(call, NULL, 0);
    if (rc != STATUS_OK) fail(call, rc, "no room for the answer");
    else rpc_finish(call, NULL);
}

static void answer_simple(struct rpc_call *call, const Grpc__Testing__SimpleRequest *request)
{
    Grpc__Testing__SimpleResponse response = GRPC__TESTING__SIMPLE_RESPONSE__INIT;
    Grpc__Testing__Payload payload = payload_of(request->response_size);
    response.payload = &payload;
    char server_id[] = "interop_server";
    if (request->fill_server_id) response.server_id = server_id;
    if (request->response_compressed) rpc_call_compress(call, request->response_compressed->value);
    enum status rc = send_packed(call, &response.base);
    free(payload.body.data);
    if (rc != STATUS_OK) fail(call, rc, "no room for the answer");
    else rpc_finish(call, NULL);
}

static void on_simple(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)context;
    echo_metadata(call);
    Grpc__Testing__SimpleRequest *request = grpc__testing__simple_request__unpack(NULL, size, message);
    if (!request) fail(call, STATUS_INVALID_ARGUMENT, "not a SimpleRequest");
    else if (request->response_size < 0 || request->response_size > RESPONSE_MAX) fail(call, STATUS_INVALID_ARGUMENT, "response_size must be 0..16777216");
    else if (!is_as_expected(call, request->expect_compressed)) fail(call, STATUS_INVALID_ARGUMENT, "the message should have been compressed");
    else if (request->response_status && request->response_status->code) fail(call, (enum status)request->response_status->code, request->response_status->message);
    else answer_simple(call, request);
    grpc__testing__simple_request__free_unpacked(request, NULL);
}

/* ---- client streaming ---- */

static void on_input_open(struct rpc_call *call, void *context)
{
    (void)context;
    echo_metadata(call);
    rpc_call_set_data(call, mem_zalloc(1, sizeof(uint64_t)));
}

static void on_input(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)context;
    uint64_t *sum = rpc_call_data(call);
    Grpc__Testing__StreamingInputCallRequest *request = grpc__testing__streaming_input_call_request__unpack(NULL, size, message);
    const char *wrong = !request ? "not a StreamingInputCallRequest"
                                 : !is_as_expected(call, request->expect_compressed) ? "the message should have been compressed" : NULL;
    if (request && request->payload) *sum += request->payload->body.len;
    grpc__testing__streaming_input_call_request__free_unpacked(request, NULL);
    if (!wrong) return;
    free(sum);
    fail(call, STATUS_INVALID_ARGUMENT, wrong);
}

static void on_input_end(struct rpc_call *call, void *context)
{
    (void)context;
    Grpc__Testing__StreamingInputCallResponse response = GRPC__TESTING__STREAMING_INPUT_CALL_RESPONSE__INIT;
    uint64_t *sum = rpc_call_data(call);
    response.aggregated_payload_size = (int32_t)(*sum > INT32_MAX ? INT32_MAX : *sum);
    free(sum);
    enum status rc = send_packed(call, &response.base);
    if (rc != STATUS_OK) fail(call, rc, "no room for the answer");
    else rpc_finish(call, NULL);
}

static void on_input_gone(struct rpc_call *call, void *context, enum status why)
{
    (void)context;
    (void)why;
    free(rpc_call_data(call));
}

/* ---- streams of responses: planned by requests, sent as time and the reader allow ---- */

struct plan {
    int32_t size, interval_us;
    bool compressed;
};

struct stream {
    struct service *service;
    struct rpc_call_ref ref;
    struct loop_timer *timer;
    struct plan plans[PLANS_MAX];
    size_t count, at;
    bool waited, ended;               /* the interval before plans[at] is over; no more requests will come */
    enum status status;               /* OK: none was asked for */
    char text[ERROR_TEXT_MAX];
};

static void stream_go(struct stream *stream, struct rpc_call *call);

static void on_interval(void *context)
{
    struct stream *stream = context;
    stream->waited = true;
    struct rpc_call *call = rpc_call_find(stream->service->server, stream->ref);
    ASSERT(call); /* a stream goes with its call */
    stream_go(stream, call);
}

static void on_stream_open(struct rpc_call *call, void *context)
{
    struct stream *stream = mem_zalloc(1, sizeof *stream);
    stream->service = context;
    stream->ref = rpc_call_ref(call);
    stream->timer = loop_timer_new(stream->service->loop, on_interval, stream);
    rpc_call_set_data(call, stream);
    echo_metadata(call);
}

static void stream_free(struct stream *stream)
{
    loop_timer_free(stream->timer);
    free(stream);
}

static void stream_end(struct stream *stream, struct rpc_call *call, enum status status, const char *text)
{
    if (status == STATUS_OK) rpc_finish(call, NULL);
    else fail(call, status, text);
    stream_free(stream);
}

static bool send_planned(struct stream *stream, struct rpc_call *call, const struct plan *plan)
{
    Grpc__Testing__StreamingOutputCallResponse response = GRPC__TESTING__STREAMING_OUTPUT_CALL_RESPONSE__INIT;
    Grpc__Testing__Payload payload = payload_of(plan->size);
    response.payload = &payload;
    rpc_call_compress(call, plan->compressed);
    enum status rc = send_packed(call, &response.base);
    free(payload.body.data);
    if (rc != STATUS_OK) stream_end(stream, call, rc, "responses are not read");
    return rc == STATUS_OK;
}

/* Sends what is due; waits for an interval, for the reader, or for the next request. */
static void stream_go(struct stream *stream, struct rpc_call *call)
{
    while (stream->at < stream->count) {
        const struct plan *plan = &stream->plans[stream->at];
        if (plan->interval_us > 0 && !stream->waited) {
            loop_timer_start(stream->timer, (plan->interval_us + 999) / 1000);
            return;
        }
        if (rpc_call_queued_bytes(call) > QUEUED_MAX) return; /* on_writable goes on */
        stream->waited = false;
        stream->at++;
        if (!send_planned(stream, call, plan)) return;
    }
    stream->at = stream->count = 0;
    if (stream->status != STATUS_OK) stream_end(stream, call, stream->status, stream->text);
    else if (stream->ended) stream_end(stream, call, STATUS_OK, "");
    else rpc_call_resume(call);
}

static const char *stream_plan(struct stream *stream, struct rpc_call *call, const Grpc__Testing__StreamingOutputCallRequest *request)
{
    if (request->n_response_parameters > PLANS_MAX - stream->count) return "too many responses are asked for";
    for (size_t i = 0; i < request->n_response_parameters; i++) {
        const Grpc__Testing__ResponseParameters *wish = request->response_parameters[i];
        if (wish->size < 0 || wish->size > RESPONSE_MAX || wish->interval_us < 0) return "size must be 0..16777216, interval_us not negative";
        stream->plans[stream->count++] = (struct plan){wish->size, wish->interval_us, is_true(wish->compressed)};
        if (is_true(wish->compressed)) rpc_call_compress(call, true); /* names the encoding, should this be before the first response */
    }
    if (request->response_status && request->response_status->code) {
        stream->status = (enum status)request->response_status->code;
        text_copy(stream->text, sizeof stream->text, request->response_status->message);
    }
    return NULL;
}

/* False: the call has ended. */
static bool stream_take(struct stream *stream, struct rpc_call *call, const uint8_t *message, size_t size)
{
    Grpc__Testing__StreamingOutputCallRequest *request = grpc__testing__streaming_output_call_request__unpack(NULL, size, message);
    const char *wrong = request ? stream_plan(stream, call, request) : "not a StreamingOutputCallRequest";
    grpc__testing__streaming_output_call_request__free_unpacked(request, NULL);
    if (wrong) stream_end(stream, call, STATUS_INVALID_ARGUMENT, wrong);
    return !wrong;
}

static void on_output(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)context;
    struct stream *stream = rpc_call_data(call);
    stream->ended = true;
    if (stream_take(stream, call, message, size)) stream_go(stream, call);
}

static void on_duplex(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)context;
    struct stream *stream = rpc_call_data(call);
    rpc_call_pause(call); /* until this request is answered: a client that only asks is not read on */
    if (stream_take(stream, call, message, size)) stream_go(stream, call);
}

static void on_half_duplex(struct rpc_call *call, void *context, const uint8_t *message, size_t size)
{
    (void)context;
    stream_take(rpc_call_data(call), call, message, size);
}

static void on_stream_end(struct rpc_call *call, void *context)
{
    (void)context;
    struct stream *stream = rpc_call_data(call);
    stream->ended = true;
    stream_go(stream, call);
}

static void on_stream_writable(struct rpc_call *call, void *context)
{
    (void)context;
    struct stream *stream = rpc_call_data(call);
    if (stream->at < stream->count) stream_go(stream, call);
}

static void on_stream_gone(struct rpc_call *call, void *context, enum status why)
{
    (void)context;
    (void)why;
    stream_free(rpc_call_data(call));
}

/* ---- the program ---- */

static const struct rpc_handler EMPTY = {.on_message = on_empty}, SIMPLE = {.on_message = on_simple},
    INPUT = {.on_open = on_input_open, .on_message = on_input, .on_half_close = on_input_end, .on_gone = on_input_gone},
    OUTPUT = {.on_open = on_stream_open, .on_message = on_output, .on_writable = on_stream_writable, .on_gone = on_stream_gone},
    DUPLEX = {on_stream_open, on_duplex, on_stream_end, on_stream_writable, on_stream_gone},
    HALF_DUPLEX = {on_stream_open, on_half_duplex, on_stream_end, on_stream_writable, on_stream_gone};

static void on_done(void *context)
{
    loop_stop(((struct service *)context)->loop);
}

static void on_term(void *context)
{
    rpc_server_shutdown(((struct service *)context)->server, DRAIN_MS, on_done, context);
}

static void on_hup(void *context)
{
    struct service *service = context;
    struct error err = {0};
    enum status rc = rpc_server_reload_tls(service->server, &service->tls, &err);
    printf("reload status=%s %s\n", status_name(rc), err.text);
    fflush(stdout);
}

static bool read_options(int argc, char **argv, struct service *service)
{
    static const struct option OPTIONS[] = {{"port", required_argument, NULL, 'p'}, {"tls", no_argument, NULL, 't'}, {"cert", required_argument, NULL, 'c'},
        {"key", required_argument, NULL, 'k'}, {"client-ca", required_argument, NULL, 'a'}, {NULL, 0, NULL, 0}};
    bool tls = false;
    service->port = "0";
    for (int option; (option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1;) {
        if (option == 'p') service->port = optarg;
        else if (option == 't') tls = true;
        else if (option == 'c') service->tls.certificate_file = optarg;
        else if (option == 'k') service->tls.key_file = optarg;
        else if (option == 'a') service->tls.client_ca_file = optarg;
        else return false;
    }
    service->tls.client_certificate_needed = service->tls.client_ca_file;
    return optind == argc && tls == (service->tls.certificate_file && service->tls.key_file) && (tls || !service->tls.client_ca_file);
}

static enum status serve(struct service *service, struct error *err)
{
    const struct rpc_method methods[] = {
        {"/grpc.testing.TestService/EmptyCall", RPC_UNARY, &EMPTY, service, REQUEST_MAX},
        {"/grpc.testing.TestService/UnaryCall", RPC_UNARY, &SIMPLE, service, REQUEST_MAX},
        {"/grpc.testing.TestService/StreamingInputCall", RPC_CLIENT_STREAM, &INPUT, service, REQUEST_MAX},
        {"/grpc.testing.TestService/StreamingOutputCall", RPC_SERVER_STREAM, &OUTPUT, service, REQUEST_MAX},
        {"/grpc.testing.TestService/FullDuplexCall", RPC_BIDI_STREAM, &DUPLEX, service, REQUEST_MAX},
        {"/grpc.testing.TestService/HalfDuplexCall", RPC_BIDI_STREAM, &HALF_DUPLEX, service, REQUEST_MAX},
    };
    char address[64];
    text_format(address, sizeof address, "127.0.0.1:%s", service->port);
    struct rpc_options options = {.address = address, .tls = service->tls, .descriptors = interop_descriptors, .descriptors_size = interop_descriptors_size};
    TRY(rpc_server_new(service->loop, &options, methods, COUNT_OF(methods), &service->server, err));
    struct loop_signal *term = loop_signal_new(service->loop, SIGTERM, on_term, service), *hup = loop_signal_new(service->loop, SIGHUP, on_hup, service);
    printf("listening address=%s\n", rpc_server_address(service->server));
    fflush(stdout);
    loop_run(service->loop);
    loop_signal_free(term);
    loop_signal_free(hup);
    rpc_server_free(service->server);
    return STATUS_OK;
}

int main(int argc, char **argv)
{
    struct service service = {0};
    struct error err;
    if (!read_options(argc, argv, &service)) {
        fprintf(stderr, "usage: interop_server [--port P] [--tls --cert FILE --key FILE [--client-ca FILE]]\n");
        return 2;
    }
    service.loop = loop_new();
    enum status rc = serve(&service, &err);
    if (rc != STATUS_OK) fprintf(stderr, "%s\n", err.text);
    loop_free(service.loop);
    return rc == STATUS_OK ? 0 : 1;
}
