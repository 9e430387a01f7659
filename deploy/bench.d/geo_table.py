"""One table of the runs' JSON lines: ours, the peer's, the ratio."""
import json
import os
import sys

for argument in sys.argv[1:]:
    state, profile, source = argument.split("|")
    name = os.path.basename(source)[: -len(".osm.pbf")]
    prefix = f"{state}{name}-{profile}"
    ours = [json.loads(line) for line in open(prefix + ".jsonl")]
    build = json.load(open(prefix + ".build.json"))
    peers = {}
    for line in open(prefix + ".peers.jsonl"):
        row = json.loads(line)
        if "missing" in row:
            print(f"({row['peer']}: {row['missing']})")
        else:
            peers[row["figure"]] = row
    first = ours[0]
    print(f"\n{name}, {profile}: {first['nodes']} nodes, {first['arcs']} arcs, {first['hierarchy_arcs']} in the hierarchy; {first['machine']}, {first['kernels']}, one core, CPU time")
    print(f"map build: {json.dumps(build)}")
    print(f"{'figure':62} {'ours':>12} {'RoutingKit':>12} {'ratio':>8}   in-tree baseline")
    for row in ours:
        peer = peers.get(row["figure"])
        baseline = f"{row['baseline']}: {row['baseline_value']:.4g} ({row['ratio']:.3g} x)" if "baseline" in row else ""
        other = f"{peer['value']:12.4g} {row['value'] / peer['value']:8.3f}" if peer else f"{'-':>12} {'-':>8}"
        print(f"{row['figure'] + ', ' + row['unit']:62} {row['value']:12.4g} {other}   {baseline}")
    for figure in ("map build (order and topology only)", "answers that differ"):
        if figure in peers:
            print(f"RoutingKit, {figure}: {peers[figure]['value']:.4g} {peers[figure]['unit']}")
