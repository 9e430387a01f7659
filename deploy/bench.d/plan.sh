# deploy/bench plan: pickup and delivery with time windows. Sourced by deploy/bench.
case ${1:-} in
-h | --help)
    cat <<'T'
usage: deploy/bench plan [--set ll100|ll200|ll600|sb100|sb200|sb400 ...] [--time SECONDS] [--seed N] [--only TEXT] [--solvers ours,vroom,pyvrp,ortools]
Solves the public instances under MEDDISPATCH_DATA (default: ll100, 1 second each) with `meddispatch solve` and with the peers, one after the other on one core with
the same time, recomputes every solution with one independent checker (double precision), and prints one table: vehicles first, then distance.
The peers' time begins when their model is built; ours includes reading the instance. All are told that a vehicle costs more than any way.
Peers (PyPI): VROOM (pyvroom), PyVRP, OR-Tools. One without a wheel for this Python is named and left out.
T
    exit 0
    ;;
esac
sets=() seconds=1 seed=1 only='' solvers=ours,vroom,pyvrp,ortools
while [ $# -gt 0 ]; do
    case $1 in
    --set) sets+=("$2"); shift 2 ;;
    --time) seconds=$2; shift 2 ;;
    --seed) seed=$2; shift 2 ;;
    --only) only=$2; shift 2 ;;
    --solvers) solvers=$2; shift 2 ;;
    *) DIE_STATUS=2 die "bench plan does not know $1" ;;
    esac
done
[ ${#sets[@]} -gt 0 ] || sets=(ll100)
data=${MEDDISPATCH_DATA:-$ROOT/../shared/data}
[ -d "$data/li_lim" ] || die "no instances under $data: set MEDDISPATCH_DATA"
bench_build meddispatch_program
bench_python pyvroom pyvrp ortools numpy
for set in "${sets[@]}"; do
    say "$set, $seconds s each, on one core"
    taskset -c 0 "$BENCH_PYTHON" "$ROOT/deploy/bench.d/plan_run.py" --program "$BENCH_BUILD/meddispatch" --data "$data" --set "$set" --time "$seconds" --seed "$seed" --only "$only" \
        --solvers "$solvers" --out "$BENCH_STATE/plan-$set-$seconds.jsonl" || die "the run of $set failed"
done
"$BENCH_PYTHON" "$ROOT/deploy/bench.d/plan_table.py" "${sets[@]/#/$BENCH_STATE/plan-}" "$seconds"
