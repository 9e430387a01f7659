# deploy/bench intake: orders and positions through the whole daemon. Sourced by deploy/bench.
case ${1:-} in
-h | --help)
    cat <<'T'
usage: deploy/bench intake [--orders N] [--streams N] [--rounds N] [--seed N]
A real daemon on a private PostgreSQL with fsync on. N prescriptions of two lines (default 20,000), each another member's, from 64 calls at a time on 8 connections: answered
once order, claim, hold, ledger entry and event are committed. Beside it, in the same run, the rows that they left, inserted again by a bare libpq program in pipeline mode.
Then positions of couriers by client streams. Prints a JSON line a figure; database, daemon and client share this machine.
T
    exit 0
    ;;
esac
packages_install run bench
bench_build meddispatch_program bench_rpc_load bench_rpc_rows
npm_install "$ROOT/deploy/demo"
export MEDDISPATCH=$BENCH_BUILD/meddispatch MEDDISPATCH_TEST_PG_CONF="shared_buffers = 512MB
max_wal_size = 8GB
checkpoint_timeout = 15min"
"$ROOT/tests/support/with_postgres" --durable node "$ROOT/tests/bench/rpc/intake.mjs" --programs "$BENCH_BUILD/tests/bench" "$@" | tee "$BENCH_STATE/intake.jsonl"
exit "${PIPESTATUS[0]}"
