"""One table of plan_run's lines: vehicles first, then distance."""
import json
import sys

*prefixes, seconds = sys.argv[1:]
print(f"\n{'set':8}{'solver':10}{'solved':>10}{'vehicles':>10}{'best known':>12}{'fewest':>8}{'exact':>7}{'distance*':>11}{'CPU s':>8}")
for prefix in prefixes:
    rows = [json.loads(line) for line in open(f"{prefix}-{seconds}.jsonl")]
    count = len({row["instance"] for row in rows})
    for solver in dict.fromkeys(row["solver"] for row in rows):
        own = [row for row in rows if row["solver"] == solver]
        good = [row for row in own if "vehicles" in row]
        equal = [row for row in good if row["best"] and row["vehicles"] <= row["best"][0]]
        exact = [row for row in equal if row["distance"] <= row["best"][1] + 0.01]
        gap = sum(row["distance"] / row["best"][1] - 1 for row in equal) / len(equal) if equal else 0
        print(f"{rows[0]['set']:8}{solver:10}{len(good):>6}/{count:<3}{sum(row['vehicles'] for row in good):>10}{sum(row['best'][0] for row in good if row['best']):>12}"
              f"{len(equal):>8}{len(exact):>7}{gap:>10.2%} {sum(row['cpu_seconds'] for row in good) / max(1, len(good)):>8.2f}")
        for row in own:
            if "wrong" in row:
                print(f"    {row['instance']}: {row['wrong']}")
print("vehicles and best known: over what the solver answered rightly; fewest: at best-known vehicles; * mean above best known over those")
print("peers' limits are on the wall clock: where CPU s is below the limit they stopped by themselves or the machine was busy, and only a quiet machine compares fairly")
