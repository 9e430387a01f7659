# deploy/bench ledger: the books. Sourced by deploy/bench.
case ${1:-} in
-h | --help)
    cat <<'T'
usage: deploy/bench ledger [--only adjudicate,chain,postings,night,month] [--seconds S] [--claims N] [--payees N] [--rows N] [--batch N] [--connections N] [--clients N]
Runs bench_ledger on a private PostgreSQL with fsync on: deciding claims, holds and posts (batched, one by one, payees by Zipf's law), a night of N claims from close to
files, reconciliation, verification, a month with vacuum and partitions. Baselines of the same row shapes run in the same run: plain inserts and balances under row locks.
Keeps the JSON lines in the state folder and prints a table. A full run takes about twenty minutes and 10 GB below TMPDIR.
T
    exit 0
    ;;
esac
packages_install run
bench_build meddispatch_program bench_ledger
export MEDDISPATCH_TEST_PG_CONF="shared_buffers = 512MB
max_wal_size = 8GB
checkpoint_timeout = 15min"
say "the books: durable, shared_buffers 512 MB; clients and server on this machine"
"$ROOT/tests/support/with_postgres" --durable "$BENCH_BUILD/tests/bench/bench_ledger" --program "$BENCH_BUILD/meddispatch" "$@" | tee "$BENCH_STATE/ledger.jsonl" >&2 || die "bench_ledger failed"
node "$ROOT/deploy/bench.d/ledger_table.mjs" "$BENCH_STATE/ledger.jsonl"
