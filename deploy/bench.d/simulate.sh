# deploy/bench simulate: days of the simulator. Sourced by deploy/bench.
case ${1:-} in
-h | --help)
    cat <<'T'
usage: deploy/bench simulate [mdrp|relaxed|city|fleet|scale ...] [--variant NAME] [--orders N] [--couriers N] [--policy P] [--seed N] [--map FILE.osm.pbf]
  mdrp      the public meal-delivery days of a variant (default o100t100s1p100), seeds 0-4, strict rules: every policy beside the peers' published results, and
            each day's output files judged by independent code
  relaxed   the same days with pooling across restaurants
  city      a medicine day on a map (default: a made-up city), every policy: usual demand, then flu surges of 4.5 and 14
  fleet     the number of couriers with which each policy first keeps 99 % of the orders within three hours
  scale     the same city with 1,000, 10,000 and 100,000 orders, a courier for twenty: times real time, memory, ms a plan
Default: mdrp city fleet. Other instances and maps: under MEDDISPATCH_DATA.
T
    exit 0
    ;;
esac
parts=() variant=o100t100s1p100 orders=300 couriers=40 policy=all seed=1 extract=''
while [ $# -gt 0 ]; do
    case $1 in
    mdrp | relaxed | city | fleet | scale) parts+=("$1"); shift ;;
    --variant) variant=$2; shift 2 ;;
    --orders) orders=$2; shift 2 ;;
    --couriers) couriers=$2; shift 2 ;;
    --policy) policy=$2; shift 2 ;;
    --seed) seed=$2; shift 2 ;;
    --map) extract=$2; shift 2 ;;
    *) DIE_STATUS=2 die "bench simulate does not know $1" ;;
    esac
done
[ ${#parts[@]} -gt 0 ] || parts=(mdrp city fleet)
data=${MEDDISPATCH_DATA:-$ROOT/../shared/data}
bench_build meddispatch_program
program=$BENCH_BUILD/meddispatch

days() { # RULES
    [ -d "$data/mdrp" ] || die "no meal-delivery days under $data: set MEDDISPATCH_DATA"
    local out=$BENCH_STATE/mdrp-$variant-$1 day
    rm -rf "$out"
    mkdir -p "$out"
    for day in 0 1 2 3 4; do
        say "day $day$variant, $1 rules"
        "$program" simulate --mdrp "$data/mdrp/$day$variant" --rules "$1" --policy "$policy" --seed "$seed" --json -o "$out/$day" >"$out/$day.jsonl" || die "the day failed"
    done
    node "$ROOT/deploy/bench.d/simulate_table.mjs" "$data/mdrp" "$variant" "$1" "$out"
}

city() { # SIZE: the map to play on, made once
    if [ -n "$extract" ]; then CITY=$BENCH_STATE/$(basename "$extract" .osm.pbf).mdmap; else CITY=$BENCH_STATE/made-up-$1.mdmap; fi
    [ -f "$CITY" ] && return
    local roads=$extract
    if [ -z "$extract" ]; then
        roads=$BENCH_STATE/made-up-$1.osm.pbf
        "$program" map synth --seed 1 --size "$1" -o "$roads" >/dev/null
    fi
    "$program" map build "$roads" -o "$CITY" >/dev/null || die "the map failed"
}

for part in "${parts[@]}"; do
    case $part in
    mdrp) days strict ;;
    relaxed) days relaxed ;;
    city)
        city 20000
        for surge in 1 4.5 14; do
            say "flu x$surge"
            "$program" simulate --map "$CITY" --orders "$orders" --couriers "$couriers" --policy "$policy" --seed "$seed" --surge "$surge" --traffic "$ROOT/deploy/config/traffic.csv" || die "the day failed"
        done
        ;;
    fleet)
        city 20000
        "$program" simulate --map "$CITY" --orders "$orders" --policy "$policy" --seed "$seed" --calm --fleet-search || die "the search failed"
        ;;
    scale)
        city 20000
        for count in 1000 10000 100000; do
            "$program" simulate --map "$CITY" --orders "$count" --couriers $((count / 20)) --hours 11 --policy "$policy" --seed "$seed" --iterations 20 --json || die "the day failed"
        done
        ;;
    esac
done
