// The peer in `deploy/bench rpc`: meddispatch.bench.Bench on gRPC's C++ library (Debian's libgrpc++), with its callback API, the fastest it has.
// Options and output as bench_rpc_ours.
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <mutex>
#include <set>
#include <signal.h>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <time.h>

#include "bench.grpc.pb.h"

namespace {

using meddispatch::bench::Bench;
using meddispatch::bench::BoardRequest;
using meddispatch::bench::Delta;
using meddispatch::bench::EchoMessage;

class Board;

// The streams that hear deltas. A stream still writing the last one misses this one, and that is counted.
struct Boards {
    std::mutex mutex;
    std::set<Board *> all;
    std::atomic<uint64_t> refused{0};
};

class Board final : public grpc::ServerWriteReactor<Delta> {
public:
    explicit Board(Boards *boards) : boards_(boards)
    {
        std::lock_guard<std::mutex> lock(boards_->mutex);
        boards_->all.insert(this);
    }

    // under the boards' lock
    void Send(const Delta &delta)
    {
        if (busy_.exchange(true)) {
            boards_->refused++;
            return;
        }
        delta_ = delta;
        StartWrite(&delta_);
    }

    void OnWriteDone(bool) override { busy_ = false; }
    void OnCancel() override
    {
        {
            std::lock_guard<std::mutex> lock(boards_->mutex);
            boards_->all.erase(this);
        }
        Finish(grpc::Status::CANCELLED);
    }
    void OnDone() override { delete this; }

private:
    Boards *boards_;
    Delta delta_;
    std::atomic<bool> busy_{false};
};

class Service final : public Bench::CallbackService {
public:
    Boards boards;

    grpc::ServerUnaryReactor *Echo(grpc::CallbackServerContext *context, const EchoMessage *request, EchoMessage *response) override
    {
        grpc::ServerUnaryReactor *reactor = context->DefaultReactor();
        if (context->client_metadata().find("x-request-id") == context->client_metadata().end()) {
            reactor->Finish(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "x-request-id is missing"));
            return reactor;
        }
        response->set_payload(request->payload());
        reactor->Finish(grpc::Status::OK);
        return reactor;
    }

    grpc::ServerWriteReactor<Delta> *Board(grpc::CallbackServerContext *, const BoardRequest *) override { return new ::Board(&boards); }
};

std::string contents(const std::string &path)
{
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

void feed(Boards &boards, int per_s, int bytes)
{
    timespec due;
    clock_gettime(CLOCK_MONOTONIC, &due);
    Delta delta;
    delta.set_payload(std::string(size_t(bytes), '\0'));
    for (;;) {
        timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        delta.set_sent_ns(uint64_t(now.tv_sec) * 1000000000u + uint64_t(now.tv_nsec));
        {
            std::lock_guard<std::mutex> lock(boards.mutex);
            for (Board *board : boards.all) board->Send(delta);
        }
        due.tv_nsec += 1000000000 / per_s;
        if (due.tv_nsec >= 1000000000) due.tv_nsec -= 1000000000, due.tv_sec++;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, nullptr);
    }
}

} // namespace

int main(int argc, char **argv)
{
    std::string port = "0", certificate, key;
    int per_s = 100, bytes = 100;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!std::strcmp(argv[i], "--port")) port = argv[i + 1];
        else if (!std::strcmp(argv[i], "--tls-certificate")) certificate = argv[i + 1];
        else if (!std::strcmp(argv[i], "--tls-key")) key = argv[i + 1];
        else if (!std::strcmp(argv[i], "--deltas-per-s")) per_s = int(std::strtol(argv[i + 1], nullptr, 10));
        else if (!std::strcmp(argv[i], "--delta-bytes")) bytes = int(std::strtol(argv[i + 1], nullptr, 10));
        else return 2;
    }
    rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &term, nullptr);
    std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials();
    if (!certificate.empty()) {
        grpc::SslServerCredentialsOptions options;
        options.pem_key_cert_pairs.push_back({contents(key), contents(certificate)});
        credentials = grpc::SslServerCredentials(options);
    }
    Service service;
    grpc::ServerBuilder builder;
    int chosen = 0;
    builder.AddListeningPort("127.0.0.1:" + port, credentials, &chosen);
    builder.RegisterService(&service);
    std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
    if (!server) return 1;
    std::thread(feed, std::ref(service.boards), per_s, bytes).detach();
    std::printf("listening address=127.0.0.1:%d\n", chosen);
    std::fflush(stdout);
    int number;
    sigwait(&term, &number);
    std::printf("refused deltas=%llu\n", static_cast<unsigned long long>(service.boards.refused));
    std::fflush(stdout);
    std::_Exit(0); // nothing is measured after this
}
