"""RoutingKit's customizable contraction hierarchy on the graph that `map export --dimacs` wrote: the same figures, and the same answers.

CPU time of the process. Its own list building in Python is inside the matrix figures (about 20 ns a cell)."""
import json
import random
import statistics
import sys
import time

prefix = sys.argv[1]
try:
    import routingkit_cch as rk
except ImportError:
    print(json.dumps({"peer": "RoutingKit CCH", "missing": "routingkit-cch is not installed"}))
    sys.exit(0)

tail, head, weight, lat, lon = [], [], [], [], []
with open(prefix + ".gr") as file:
    for line in file:
        if line.startswith("a "):
            _, t, h, w = line.split()
            tail.append(int(t) - 1)
            head.append(int(h) - 1)
            weight.append(int(w))
with open(prefix + ".co") as file:
    for line in file:
        if line.startswith("v "):
            _, _, x, y = line.split()
            lon.append(int(x) / 1e6)
            lat.append(int(y) / 1e6)


def tell(figure, unit, value, repeats):
    print(json.dumps({"peer": "RoutingKit CCH", "figure": figure, "unit": unit, "value": value, "repeats": repeats}))


def timed(work, repeats):
    spent = []
    for _ in range(repeats):
        begin = time.process_time()
        work()
        spent.append((time.process_time() - begin) * 1e3)
    return statistics.median(spent)


begin = time.process_time()
order = rk.compute_order_inertial(len(lat), tail, head, lat, lon)
cch = rk.CCH(order, tail, head, False)
tell("map build (order and topology only)", "ms", (time.process_time() - begin) * 1e3, 1)
metric = rk.CCHMetric(cch, weight)
tell("full customization", "ms", timed(lambda: metric.reset(weight), 9), 9)

rng = random.Random(1)
updater = rk.CCHMetricPartialUpdater(cch)
spent = []
for _ in range(9):
    changes = {rng.randrange(len(weight)): 2**31 - 2 for _ in range(100)}
    begin = time.process_time()
    updater.apply(metric, changes)
    spent.append((time.process_time() - begin) * 1e3)
    metric.reset(weight)
tell("100 arcs closed", "ms", statistics.median(spent), 9)

nodes = len(lat)
for size, repeats in ((100, 9), (1000, 3)):
    def matrix():
        many = rk.CCHOneToMany(metric, [rng.randrange(nodes) for _ in range(size)])
        for _ in range(size):
            many.distances_from(rng.randrange(nodes))
    tell(f"matrix {size} x {size}", "ms", timed(matrix, repeats), repeats)

query = rk.CCHQuery(metric)
pairs = [(rng.randrange(nodes), rng.randrange(nodes)) for _ in range(3000)]
begin = time.process_time()
for source, target in pairs:
    query.run(source, target).distance
tell("point to point, distance", "us", (time.process_time() - begin) * 1e6 / len(pairs), len(pairs))
begin = time.process_time()
for source, target in pairs:
    query.run(source, target).arc_path
tell("point to point, with path", "us", (time.process_time() - begin) * 1e6 / len(pairs), len(pairs))

# the same answers
wrong = count = 0
with open(prefix + ".answers") as file:
    for line in file:
        source, target, ms = (int(word) for word in line.split())
        distance = query.run(source, target).distance
        wrong += (4294967295 if distance is None else distance) != ms
        count += 1
print(json.dumps({"peer": "RoutingKit CCH", "figure": "answers that differ", "unit": f"of {count}", "value": wrong, "repeats": count}))
sys.exit(1 if wrong else 0)
