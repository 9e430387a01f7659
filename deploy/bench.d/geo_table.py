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
            peers.setdefault(row["peer"], {})[row["figure"]] = row
    first = ours[0]
    print(f"\n{name}, {profile}: {first['nodes']} nodes, {first['arcs']} arcs, {first['hierarchy_arcs']} in the hierarchy; {first['machine']}, {first['kernels']}, one core, CPU time")
    print(f"map build: {json.dumps(build)}")
    heads = "".join(f" {name:>15} {'ratio':>7}" for name in peers)
    print(f"{'figure':62} {'ours':>10}{heads}   in-tree baseline")
    for row in ours:
        baseline = f"{row['baseline']}: {row['baseline_value']:.4g} ({row['ratio']:.3g} x)" if "baseline" in row else ""
        others = ""
        for figures in peers.values():
            peer = figures.get(row["figure"])
            others += f" {peer['value']:15.4g} {row['value'] / peer['value']:7.3f}" if peer and peer["value"] else f" {'-':>15} {'-':>7}"
        print(f"{row['figure'] + ', ' + row['unit']:62} {row['value']:10.4g}{others}   {baseline}")
    for name, figures in peers.items():
        for figure, row in figures.items():
            if figure.startswith("map build") or figure == "answers that differ":
                print(f"{name}, {figure}: {row['value']:.4g} {row['unit']}")
