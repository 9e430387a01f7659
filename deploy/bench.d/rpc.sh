# deploy/bench rpc: the gRPC server. Sourced by deploy/bench.
case ${1:-} in
-h | --help)
    cat <<'T'
usage: deploy/bench rpc [--calls N] [--rounds N] [--attacks] [--json]
Runs our server and a gRPC C++ callback server (Debian's libgrpc++) with the same service, in turn, pinned to core 0; h2load asks from core 1: a unary echo of 22 bytes
with metadata and a deadline, 1 connection x 100 streams, 10 x 10, 100 x 10, plaintext and TLS. Counted is what a CPU second of the server answers, so that a busy
machine changes little; wall-clock figures are told too. Each shape runs a fifth as long under a client that checks every grpc-status and echo.
Then: memory of 10,000 idle connections, and how late deltas come on 1,000 board streams of 100 deltas a second.
--attacks: instead, what callers notice of attacks by raw frames (tests/bench/rpc/attack.c) on our server.
N calls a run (default 400,000), N rounds (default 3; medians are told). --json: one JSON line a run instead of the table.
T
    exit 0
    ;;
esac
[ "$(nproc)" -ge 2 ] || die "two cores are needed: one for the server, one for its client"
packages_install bench
bench_build bench_rpc_ours bench_rpc_load bench_rpc_attack bench_rpc_peer
if ! [ -f "$BENCH_STATE/rpc.pem" ]; then
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$BENCH_STATE/rpc.key" -out "$BENCH_STATE/rpc.pem" -subj /CN=localhost -days 3650 2>/dev/null || die "openssl made no certificate"
fi
node "$ROOT/deploy/bench.d/rpc.mjs" --programs "$BENCH_BUILD/tests/bench" --state "$BENCH_STATE" "$@"
