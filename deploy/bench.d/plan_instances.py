"""Public pickup and delivery instances and the one checker of all solvers' answers. It shares nothing with what it judges."""
import csv
import math
import os

FOLDERS = {"ll100": "li_lim/pdp_100", "ll200": "li_lim/pdp_200", "ll600": "li_lim/pdp_600",
           "sb100": "sartori_buriol/n100", "sb200": "sartori_buriol/n200", "sb400": "sartori_buriol/n400"}


class Instance:
    """nodes: (x, y, demand, open, close, service, partner); node 0 is the depot; pairs: (pickup, delivery)."""

    def __init__(self, path):
        self.name = os.path.basename(path)[: -len(".txt")]
        with open(path) as file:
            lines = [line.split() for line in file if line.strip()]
        self.minutes = None
        if lines[0][0].isdigit():
            self.capacity = int(lines[0][1])
            rows = lines[1:]
        else:
            at = next(i for i, line in enumerate(lines) if line[0] == "NODES")
            head = {line[0].rstrip(":"): line[1] for line in lines[:at] if len(line) > 1}
            size = int(head["SIZE"])
            self.capacity = int(head["CAPACITY"])
            rows = lines[at + 1 : at + 1 + size]
            self.minutes = [[int(v) for v in line] for line in lines[at + 2 + size : at + 2 + 2 * size]]
        self.nodes = []
        self.pairs = []
        for row in rows:
            x, y = float(row[1]), float(row[2])
            demand, opens, closes, service, pickup, delivery = map(int, row[3:9])
            self.nodes.append((x, y, demand, opens, closes, service, pickup or delivery))
            if delivery:
                self.pairs.append((int(row[0]), delivery))

    def travel(self, a, b):
        if self.minutes:
            return float(self.minutes[a][b])
        return math.hypot(self.nodes[a][0] - self.nodes[b][0], self.nodes[a][1] - self.nodes[b][1])


def instances(data, name, only):
    folder = os.path.join(data, FOLDERS[name])
    for file in sorted(os.listdir(folder)):
        if file.endswith(".txt") and only in file:
            yield os.path.join(folder, file)


def best_known(data):
    best = {}
    for file, column in (("li_lim_best_known.csv", "distance"), ("sartori_buriol_best_known.csv", "cost")):
        with open(os.path.join(data, "bks", file)) as rows:
            for row in csv.DictReader(rows):
                best[row["instance"].lower()] = (int(row["vehicles"]), float(row[column]))
    return best


def read_routes(path):
    with open(path) as file:
        return [[int(word) for word in line.split(":")[1].split()] for line in file if line.startswith("Route ")]


def check(instance, routes, tolerance=1e-6):
    """The distance, or ValueError with what is wrong."""
    seen = {}
    distance = 0.0
    for number, route in enumerate(routes, 1):
        if not route:
            raise ValueError(f"route {number} is empty")
        now, load, before = float(instance.nodes[0][3] + instance.nodes[0][5]), 0, 0
        for node in route:
            _, _, demand, opens, closes, service, partner = instance.nodes[node]
            if node == 0 or node in seen:
                raise ValueError(f"route {number}: node {node} twice, or the depot within")
            if demand < 0 and seen.get(partner) != number:
                raise ValueError(f"route {number}: {node} is delivered before it is picked up")
            seen[node] = number
            load += demand
            now = max(now + instance.travel(before, node), opens)
            distance += instance.travel(before, node)
            if now > closes + tolerance:
                raise ValueError(f"route {number}: {node} is reached after its window")
            if load > instance.capacity:
                raise ValueError(f"route {number}: too much on board at {node}")
            now += service
            before = node
        distance += instance.travel(before, 0)
        if now + instance.travel(before, 0) > instance.nodes[0][4] + tolerance:
            raise ValueError(f"route {number} ends after the depot has closed")
    if len(seen) != len(instance.nodes) - 1:
        raise ValueError(f"{len(instance.nodes) - 1 - len(seen)} nodes are not served")
    for pickup, delivery in instance.pairs:
        if seen[pickup] != seen[delivery]:
            raise ValueError(f"{pickup} and {delivery} are in different routes")
    return distance
