// The cases of gRPC's interoperability description by the official C++ client (Debian's libgrpc++). Runs all of them against a server that it starts;
// exit status 1 names the first case that failed. Test code: the only C++ of the house.
#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <csignal>
#include <vector>

#include "grpc/testing/test.grpc.pb.h"

using namespace grpc::testing;
using grpc::ClientContext;
using grpc::Status;
using grpc::StatusCode;

namespace {

const std::vector<int> REQUESTS = {27182, 8, 1828, 45904}, RESPONSES = {31415, 9, 2653, 58979};
const char *current = "";

#define CHECK(condition)                                                                                  \
    do {                                                                                                  \
        if (!(condition)) {                                                                               \
            std::fprintf(stderr, "not ok - %s: line %d: %s\n", current, __LINE__, #condition);            \
            std::exit(1);                                                                                 \
        }                                                                                                 \
    } while (0)

using Stub = TestService::Stub;

std::shared_ptr<grpc::ChannelCredentials> credentials;

std::string contents(const std::string &path)
{
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

std::shared_ptr<grpc::Channel> connect(const std::string &address)
{
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetSslTargetNameOverride("localhost");
    return grpc::CreateCustomChannel(address, credentials, arguments);
}

bool is_zeros(const Payload &payload, size_t size)
{
    return payload.body() == std::string(size, '\0');
}

SimpleRequest large()
{
    SimpleRequest request;
    request.set_response_size(314159);
    request.mutable_payload()->set_body(std::string(271828, '\0'));
    return request;
}

void large_unary_on(Stub &stub)
{
    ClientContext context;
    SimpleResponse response;
    CHECK(stub.UnaryCall(&context, large(), &response).ok());
    CHECK(is_zeros(response.payload(), 314159));
}

void empty_unary(Stub &stub)
{
    ClientContext context;
    Empty request, response;
    CHECK(stub.EmptyCall(&context, request, &response).ok());
}

void client_streaming(Stub &stub)
{
    ClientContext context;
    StreamingInputCallResponse response;
    auto writer = stub.StreamingInputCall(&context, &response);
    for (int size : REQUESTS) {
        StreamingInputCallRequest request;
        request.mutable_payload()->set_body(std::string(size_t(size), '\0'));
        CHECK(writer->Write(request));
    }
    writer->WritesDone();
    CHECK(writer->Finish().ok());
    CHECK(response.aggregated_payload_size() == 74922);
}

void server_streaming(Stub &stub)
{
    ClientContext context;
    StreamingOutputCallRequest request;
    for (int size : RESPONSES) request.add_response_parameters()->set_size(size);
    auto reader = stub.StreamingOutputCall(&context, request);
    StreamingOutputCallResponse response;
    for (int size : RESPONSES) {
        CHECK(reader->Read(&response));
        CHECK(is_zeros(response.payload(), size_t(size)));
    }
    CHECK(!reader->Read(&response));
    CHECK(reader->Finish().ok());
}

void ping_pong(Stub &stub)
{
    ClientContext context;
    auto stream = stub.FullDuplexCall(&context);
    StreamingOutputCallResponse response;
    for (size_t i = 0; i < REQUESTS.size(); i++) {
        StreamingOutputCallRequest request;
        request.add_response_parameters()->set_size(RESPONSES[i]);
        request.mutable_payload()->set_body(std::string(size_t(REQUESTS[i]), '\0'));
        CHECK(stream->Write(request));
        CHECK(stream->Read(&response));
        CHECK(is_zeros(response.payload(), size_t(RESPONSES[i])));
    }
    stream->WritesDone();
    CHECK(!stream->Read(&response));
    CHECK(stream->Finish().ok());
}

void empty_stream(Stub &stub)
{
    ClientContext context;
    auto stream = stub.FullDuplexCall(&context);
    StreamingOutputCallResponse response;
    stream->WritesDone();
    CHECK(!stream->Read(&response));
    CHECK(stream->Finish().ok());
}

void cancel_after_begin(Stub &stub)
{
    ClientContext context;
    StreamingInputCallResponse response;
    auto writer = stub.StreamingInputCall(&context, &response);
    context.TryCancel();
    CHECK(writer->Finish().error_code() == StatusCode::CANCELLED);
}

void cancel_after_first_response(Stub &stub)
{
    ClientContext context;
    auto stream = stub.FullDuplexCall(&context);
    StreamingOutputCallRequest request;
    StreamingOutputCallResponse response;
    request.add_response_parameters()->set_size(31415);
    request.mutable_payload()->set_body(std::string(27182, '\0'));
    CHECK(stream->Write(request));
    CHECK(stream->Read(&response));
    context.TryCancel();
    CHECK(stream->Finish().error_code() == StatusCode::CANCELLED);
}

void timeout_on_sleeping_server(Stub &stub)
{
    ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(1));
    auto stream = stub.FullDuplexCall(&context);
    StreamingOutputCallRequest request;
    StreamingOutputCallResponse response;
    request.mutable_payload()->set_body(std::string(27182, '\0'));
    stream->Write(request);
    CHECK(!stream->Read(&response));
    CHECK(stream->Finish().error_code() == StatusCode::DEADLINE_EXCEEDED);
}

void custom_metadata(Stub &stub)
{
    ClientContext context;
    context.AddMetadata("x-grpc-test-echo-initial", "test_initial_metadata_value");
    context.AddMetadata("x-grpc-test-echo-trailing-bin", "\xab\xab\xab");
    SimpleResponse response;
    CHECK(stub.UnaryCall(&context, large(), &response).ok());
    const auto &initial = context.GetServerInitialMetadata();
    const auto &trailing = context.GetServerTrailingMetadata();
    auto first = initial.find("x-grpc-test-echo-initial"), last = trailing.find("x-grpc-test-echo-trailing-bin");
    CHECK(first != initial.end() && first->second == "test_initial_metadata_value");
    CHECK(last != trailing.end() && last->second == "\xab\xab\xab");
}

void status_is_echoed(Stub &stub, const std::string &message)
{
    ClientContext unary_context, stream_context;
    SimpleRequest request;
    SimpleResponse response;
    request.mutable_response_status()->set_code(2);
    request.mutable_response_status()->set_message(message);
    Status status = stub.UnaryCall(&unary_context, request, &response);
    CHECK(status.error_code() == StatusCode::UNKNOWN && status.error_message() == message);
    auto stream = stub.FullDuplexCall(&stream_context);
    StreamingOutputCallRequest said;
    StreamingOutputCallResponse heard;
    *said.mutable_response_status() = request.response_status();
    CHECK(stream->Write(said));
    stream->WritesDone();
    while (stream->Read(&heard)) {}
    status = stream->Finish();
    CHECK(status.error_code() == StatusCode::UNKNOWN && status.error_message() == message);
}

void status_code_and_message(Stub &stub) { status_is_echoed(stub, "test status message"); }

void special_status_message(Stub &stub) { status_is_echoed(stub, "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"); }

void unimplemented_method(Stub &stub)
{
    ClientContext context;
    Empty request, response;
    CHECK(stub.UnimplementedCall(&context, request, &response).error_code() == StatusCode::UNIMPLEMENTED);
}

void half_duplex(Stub &stub)
{
    ClientContext context;
    auto stream = stub.HalfDuplexCall(&context);
    StreamingOutputCallResponse response;
    for (int size : RESPONSES) {
        StreamingOutputCallRequest request;
        request.add_response_parameters()->set_size(size);
        CHECK(stream->Write(request));
    }
    stream->WritesDone();
    for (int size : RESPONSES) {
        CHECK(stream->Read(&response));
        CHECK(is_zeros(response.payload(), size_t(size)));
    }
    CHECK(!stream->Read(&response));
    CHECK(stream->Finish().ok());
}

Status compressed_unary(Stub &stub, bool folded, bool expected)
{
    ClientContext context;
    SimpleRequest request = large();
    SimpleResponse response;
    context.set_compression_algorithm(folded ? GRPC_COMPRESS_GZIP : GRPC_COMPRESS_NONE);
    request.mutable_expect_compressed()->set_value(expected);
    Status status = stub.UnaryCall(&context, request, &response);
    CHECK(!status.ok() || is_zeros(response.payload(), 314159));
    return status;
}

void client_compressed_unary(Stub &stub)
{
    CHECK(compressed_unary(stub, false, true).error_code() == StatusCode::INVALID_ARGUMENT);
    CHECK(compressed_unary(stub, true, true).ok());
    CHECK(compressed_unary(stub, false, false).ok());
}

void client_compressed_streaming(Stub &stub)
{
    ClientContext context;
    StreamingInputCallResponse response;
    context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
    auto writer = stub.StreamingInputCall(&context, &response);
    StreamingInputCallRequest request;
    request.mutable_expect_compressed()->set_value(true);
    request.mutable_payload()->set_body(std::string(27182, '\0'));
    CHECK(writer->Write(request));
    request.mutable_expect_compressed()->set_value(false);
    request.mutable_payload()->set_body(std::string(45904, '\0'));
    grpc::WriteOptions options;
    options.set_no_compression();
    CHECK(writer->Write(request, options));
    writer->WritesDone();
    CHECK(writer->Finish().ok());
    CHECK(response.aggregated_payload_size() == 73086);
}

void server_compressed_unary(Stub &stub)
{
    for (bool value : {true, false}) {
        ClientContext context;
        SimpleRequest request = large();
        SimpleResponse response;
        request.mutable_response_compressed()->set_value(value);
        CHECK(stub.UnaryCall(&context, request, &response).ok());
        CHECK(is_zeros(response.payload(), 314159));
    }
}

void server_compressed_streaming(Stub &stub)
{
    ClientContext context;
    StreamingOutputCallRequest request;
    StreamingOutputCallResponse response;
    for (auto &[size, value] : {std::pair<int, bool>{31415, true}, {92653, false}}) {
        auto *wish = request.add_response_parameters();
        wish->set_size(size);
        wish->mutable_compressed()->set_value(value);
    }
    auto reader = stub.StreamingOutputCall(&context, request);
    CHECK(reader->Read(&response) && is_zeros(response.payload(), 31415));
    CHECK(reader->Read(&response) && is_zeros(response.payload(), 92653));
    CHECK(reader->Finish().ok());
}

void rpc_soak(Stub &stub)
{
    for (int i = 0; i < 200; i++) large_unary_on(stub);
}

// Many threads on one channel: what one connection's streams and windows bear.
void concurrent_large_unary(Stub &stub)
{
    std::vector<std::thread> threads;
    for (int i = 0; i < 16; i++)
        threads.emplace_back([&stub] { for (int k = 0; k < 10; k++) large_unary_on(stub); });
    for (auto &thread : threads) thread.join();
}

// One certificate for both ends, which is its own authority.
bool make_certificate(const std::string &cert, const std::string &key)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (!std::freopen("/dev/null", "w", stderr)) _exit(127);
        execlp("openssl", "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
               "subjectAltName=DNS:localhost", "-keyout", key.c_str(), "-out", cert.c_str(), static_cast<char *>(nullptr));
        _exit(127);
    }
    int status = 1;
    waitpid(pid, &status, 0);
    return status == 0;
}

pid_t start_server(const char *program, const std::string &cert, const std::string &key, std::string *address)
{
    int ends[2];
    if (pipe(ends) != 0) std::exit(1);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], 1);
        if (cert.empty()) execl(program, program, "--port", "0", static_cast<char *>(nullptr));
        else execl(program, program, "--tls", "--cert", cert.c_str(), "--key", key.c_str(), "--client-ca", cert.c_str(), static_cast<char *>(nullptr));
        _exit(127);
    }
    close(ends[1]);
    char line[200] = "";
    FILE *out = fdopen(ends[0], "r");
    if (!std::fgets(line, sizeof line, out)) std::exit(1);
    std::string text(line);
    *address = text.substr(text.find("address=") + 8);
    address->pop_back();
    return pid;
}

// Every case; without a certificate in plaintext.
void run_all(const char *how, const std::string &cert, const std::string &key)
{
    std::string address;
    pid_t server = start_server(std::getenv("INTEROP_SERVER"), cert, key, &address);
    {
        auto channel = connect(address);
        auto stub = TestService::NewStub(channel);
        const std::vector<std::pair<const char *, std::function<void(Stub &)>>> CASES = {
            {"empty_unary", empty_unary}, {"large_unary", large_unary_on}, {"client_streaming", client_streaming}, {"server_streaming", server_streaming},
            {"ping_pong", ping_pong}, {"empty_stream", empty_stream}, {"cancel_after_begin", cancel_after_begin},
            {"cancel_after_first_response", cancel_after_first_response}, {"timeout_on_sleeping_server", timeout_on_sleeping_server},
            {"custom_metadata", custom_metadata}, {"status_code_and_message", status_code_and_message}, {"special_status_message", special_status_message},
            {"unimplemented_method", unimplemented_method},
            {"unimplemented_service", [&channel](Stub &) {
                 ClientContext context;
                 Empty request, response;
                 CHECK(UnimplementedService::NewStub(channel)->UnimplementedCall(&context, request, &response).error_code() == StatusCode::UNIMPLEMENTED);
             }},
            {"half_duplex", half_duplex}, {"client_compressed_unary", client_compressed_unary}, {"client_compressed_streaming", client_compressed_streaming},
            {"server_compressed_unary", server_compressed_unary}, {"server_compressed_streaming", server_compressed_streaming}, {"rpc_soak", rpc_soak},
            {"channel_soak", [&address](Stub &) { for (int i = 0; i < 30; i++) large_unary_on(*TestService::NewStub(connect(address))); }},
            {"concurrent_large_unary", concurrent_large_unary},
        };
        for (auto &[name, run] : CASES) {
            current = name;
            run(*stub);
            std::printf("ok - %s, %s\n", name, how);
        }
        std::printf("%zu passed, 0 failed, %s\n", CASES.size(), how);
    }
    kill(server, SIGTERM);
    int status = 0;
    waitpid(server, &status, 0);
    current = "the server's end";
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

} // namespace

int main()
{
    credentials = grpc::InsecureChannelCredentials();
    run_all("plaintext", "", "");
    char folder[] = "/tmp/meddispatch-interop-XXXXXX";
    current = "the certificate";
    CHECK(mkdtemp(folder));
    const std::string cert = std::string(folder) + "/cert.pem", key = std::string(folder) + "/key.pem";
    CHECK(make_certificate(cert, key));
    credentials = grpc::SslCredentials({contents(cert), contents(key), contents(cert)});
    run_all("mutual TLS", cert, key);
    unlink(cert.c_str());
    unlink(key.c_str());
    rmdir(folder);
    return 0;
}
