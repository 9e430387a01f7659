# deploy/bench geo: routing. Sourced by deploy/bench.
case ${1:-} in
-h | --help)
    cat <<'T'
usage: deploy/bench geo [--map CITY.osm.pbf ...] [--profile ebike|car|foot]
Builds the maps (without --map: the real cities under MEDDISPATCH_DATA, and a made-up one if there are none), runs bench_geo and the peers one after the other on one
core, on the same graph (exported by `meddispatch map export --dimacs`), checks that the answers agree, and prints one table.
Peers: RoutingKit's CCH on the same graph (PyPI routingkit-cch, answers compared); OSRM (contraction hierarchies) and Valhalla on the same extract with their own car
profile, by the programs in their wheels (PyPI osrm-bindings, pyvalhalla): the CPU time of their servers on loopback, HTTP and JSON in it.
T
    exit 0
    ;;
esac
maps=() profile=ebike
while [ $# -gt 0 ]; do
    case $1 in
    --map) maps+=("$2"); shift 2 ;;
    --profile) profile=$2; shift 2 ;;
    *) DIE_STATUS=2 die "bench geo does not know $1" ;;
    esac
done
bench_build meddispatch_program bench_geo
bench_python routingkit-cch
# their Python modules want a newer Python than Debian 12's, the programs beside them want none
for peer in osrm-bindings pyvalhalla; do
    ls "$BENCH_STATE"/wheels/"${peer//-/_}"-*.whl >/dev/null 2>&1 || "$BENCH_PYTHON" -m pip download -q --disable-pip-version-check --no-deps --only-binary :all: --python-version 3.12 -d "$BENCH_STATE/wheels" "$peer" >/dev/null 2>&1 || say "no peer $peer: PyPI has no wheel of it for this machine"
done
if [ ${#maps[@]} -eq 0 ]; then
    data=${MEDDISPATCH_DATA:-$ROOT/../shared/data}
    for city in beijing-2013 jinan heidelberg; do [ -f "$data/osm/$city.osm.pbf" ] && maps+=("$data/osm/$city.osm.pbf"); done
    if [ ${#maps[@]} -eq 0 ]; then
        "$BENCH_BUILD/meddispatch" map synth --seed 1 --size 20000 -o "$BENCH_STATE/made-up.osm.pbf" >/dev/null
        maps=("$BENCH_STATE/made-up.osm.pbf")
    fi
fi
for map in "${maps[@]}"; do
    file=$BENCH_STATE/$(basename "$map" .osm.pbf)-$profile
    # the build's memory is its own process's: bench_geo's would hold more than the map's
    "$BENCH_BUILD/meddispatch" map build "$map" --profile "$profile" -o "$file.mdmap" --json >"$file.build.json" || die "no map of $map"
    "$BENCH_BUILD/meddispatch" map export --dimacs "$file.mdmap" -o "$file" >/dev/null
    say "$(basename "$map"), $profile: ours, then the peers, on one core"
    taskset -c 0 "$BENCH_BUILD/tests/bench/bench_geo" --map "$file.mdmap" --answers "$file.answers" >"$file.jsonl" || die "bench_geo failed"
    taskset -c 0 "$BENCH_PYTHON" "$ROOT/deploy/bench.d/geo_peers.py" "$file" >"$file.peers.jsonl" || die "a peer failed or disagrees"
    taskset -c 0 "$BENCH_PYTHON" "$ROOT/deploy/bench.d/geo_servers.py" "$BENCH_STATE/wheels" "$map" "$file" "$BENCH_STATE" >>"$file.peers.jsonl" || die "a peer's server failed"
done
"$BENCH_PYTHON" "$ROOT/deploy/bench.d/geo_table.py" "${maps[@]/#/$BENCH_STATE/|$profile|}"
