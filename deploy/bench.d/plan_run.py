"""Runs the solvers on a set of instances, each in a process of its own, and checks what they say: one JSON line an instance and solver."""
import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import plan_instances as pi


def grid_of(instance):
    """Whole numbers for solvers that want them: a thousandth of the unit, rounded up so that windows hold."""
    return 1 if instance.minutes else 1000


def matrix_of(instance, grid):
    import numpy as np

    n = len(instance.nodes)
    if instance.minutes:
        matrix = np.array(instance.minutes, dtype=np.int64)
    else:
        xy = np.array([node[:2] for node in instance.nodes])
        matrix = np.ceil(np.hypot(xy[:, None, 0] - xy[None, :, 0], xy[:, None, 1] - xy[None, :, 1]) * grid - 1e-9).astype(np.int64)
    matrix[range(n), range(n)] = 0
    return matrix


def fleet_of(instance):
    """Vehicles on offer: half the pairs are always enough in these sets; more only slow the peers down."""
    return max(2, (len(instance.pairs) + 1) // 2)


def solve_vroom(instance, seconds, seed):
    import datetime

    import numpy as np
    import vroom

    grid = grid_of(instance)
    matrix = matrix_of(instance, grid).astype(np.uint32)
    problem = vroom.Input()
    problem.set_durations_matrix("car", matrix)
    problem.set_distances_matrix("car", matrix)
    depot = instance.nodes[0]
    for v in range(fleet_of(instance)):
        problem.add_vehicle(vroom.Vehicle(v + 1, start=0, end=0, capacity=[instance.capacity], time_window=vroom.TimeWindow(depot[3] * grid, depot[4] * grid),
                                          costs=vroom.VehicleCosts(fixed=int(depot[4]) * grid)))
    for pickup, delivery in instance.pairs:
        steps = [vroom.ShipmentStep(id=node, location=node, default_service=instance.nodes[node][5] * grid,
                                    time_windows=[vroom.TimeWindow(instance.nodes[node][3] * grid, instance.nodes[node][4] * grid)]) for node in (pickup, delivery)]
        problem.add_shipment(steps[0], steps[1], amount=vroom.Amount([instance.nodes[pickup][2]]))
    begin = time.process_time()
    solution = problem.solve(exploration_level=5, nb_threads=1, timeout=datetime.timedelta(seconds=seconds))
    spent = time.process_time() - begin
    routes = {}
    table = solution.routes
    for vehicle, kind, node in zip(table["vehicle_id"], table["type"], table["id"]):
        if kind in ("pickup", "delivery"):
            routes.setdefault(vehicle, []).append(int(node))
    return list(routes.values()), spent


def solve_pyvrp(instance, seconds, seed):
    import pyvrp
    from pyvrp.stop import MaxRuntime

    grid = grid_of(instance)
    matrix = matrix_of(instance, grid)
    depot = instance.nodes[0]
    locations = [pyvrp.Location(node[0], node[1]) for node in instance.nodes]
    shipments = []
    for p, d in instance.pairs:
        a, b = instance.nodes[p], instance.nodes[d]
        shipments.append(pyvrp.Shipment(p, d, a[3] * grid, a[4] * grid, a[5] * grid, b[3] * grid, b[4] * grid, b[5] * grid, [a[2]]))
    kind = pyvrp.VehicleType(fleet_of(instance), [instance.capacity], 0, 0, fixed_cost=int(depot[4]) * grid, tw_early=depot[3] * grid, tw_late=depot[4] * grid)
    data = pyvrp.ProblemData(locations, [], [pyvrp.Depot(0, depot[3] * grid, depot[4] * grid)], [kind], [matrix], [matrix], shipments=shipments)
    begin = time.process_time()
    result = pyvrp.solve(data, MaxRuntime(seconds), seed=seed, display=False, collect_stats=False)
    spent = time.process_time() - begin
    routes = []
    for route in result.best.routes():
        nodes = [instance.pairs[step.idx][0 if step.is_pickup() else 1] for step in route if step.is_shipment()]
        if nodes:
            routes.append(nodes)
    return routes, spent


def solve_ortools(instance, seconds, seed):
    from ortools.constraint_solver import pywrapcp, routing_enums_pb2

    grid = grid_of(instance)
    matrix = matrix_of(instance, grid).tolist()
    nodes = instance.nodes
    manager = pywrapcp.RoutingIndexManager(len(nodes), fleet_of(instance), 0)
    routing = pywrapcp.RoutingModel(manager)
    way = routing.RegisterTransitMatrix(matrix)
    spent_at = routing.RegisterTransitMatrix([[leg + nodes[a][5] * grid for leg in row] for a, row in enumerate(matrix)])
    loads = routing.RegisterUnaryTransitVector([node[2] for node in nodes])
    routing.SetArcCostEvaluatorOfAllVehicles(way)
    routing.SetFixedCostOfAllVehicles(nodes[0][4] * grid)
    last = nodes[0][4] * grid
    routing.AddDimension(spent_at, last, last, False, "time")
    routing.AddDimension(loads, 0, instance.capacity, True, "load")
    clock = routing.GetDimensionOrDie("time")
    solver = routing.solver()
    for index in range(1, len(nodes)):
        clock.CumulVar(manager.NodeToIndex(index)).SetRange(nodes[index][3] * grid, nodes[index][4] * grid)
    for pickup, delivery in instance.pairs:
        p, d = manager.NodeToIndex(pickup), manager.NodeToIndex(delivery)
        routing.AddPickupAndDelivery(p, d)
        solver.Add(routing.VehicleVar(p) == routing.VehicleVar(d))
        solver.Add(clock.CumulVar(p) <= clock.CumulVar(d))
    wish = pywrapcp.DefaultRoutingSearchParameters()
    wish.first_solution_strategy = routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
    wish.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    wish.time_limit.FromMilliseconds(int(seconds * 1000))
    begin = time.process_time()
    answer = routing.SolveWithParameters(wish)
    spent = time.process_time() - begin
    if not answer:
        return [], spent
    routes = []
    for vehicle in range(fleet_of(instance)):
        at, nodes_of = answer.Value(routing.NextVar(routing.Start(vehicle))), []
        while not routing.IsEnd(at):
            nodes_of.append(manager.IndexToNode(at))
            at = answer.Value(routing.NextVar(at))
        if nodes_of:
            routes.append(nodes_of)
    return routes, spent


PEERS = {"vroom": (solve_vroom, "vroom"), "pyvrp": (solve_pyvrp, "pyvrp"), "ortools": (solve_ortools, "ortools")}


def solve_ours(program, path, seconds, seed):
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "solution")
        said = subprocess.run([program, "solve", path, "--time", str(seconds), "--cpu", "--seed", str(seed), "--json", "-o", out], check=True, capture_output=True, text=True)
        return pi.read_routes(out), json.loads(said.stdout)["cpu_seconds"]


def in_child(pipe, name, instance, seconds, seed):
    try:
        pipe.send(PEERS[name][0](instance, seconds, seed))
    except Exception as error:  # a peer that fails is told in the table, it does not end the run
        pipe.send((None, f"{type(error).__name__}: {error}"))


def solve_peer(name, instance, seconds, seed):
    here, there = multiprocessing.Pipe(False)
    child = multiprocessing.Process(target=in_child, args=(there, name, instance, seconds, seed))
    child.start()
    there.close()
    try:
        answer = here.recv() if here.poll(20 * seconds + 300) else (None, "no answer in time")
    except EOFError:
        answer = (None, "it ended without an answer")
    if child.is_alive():
        child.kill()
    child.join()
    return answer


def main():
    options = argparse.ArgumentParser()
    for name in ("--program", "--data", "--set", "--only", "--solvers", "--out"):
        options.add_argument(name, default="")
    options.add_argument("--time", type=float)
    options.add_argument("--seed", type=int)
    wish = options.parse_args()
    solvers = []
    for name in wish.solvers.split(","):
        if name != "ours":
            try:
                __import__(PEERS[name][1])
            except ImportError:
                continue
        solvers.append(name)
    best = pi.best_known(wish.data)
    with open(wish.out, "w") as out:
        for path in pi.instances(wish.data, wish.set, wish.only):
            instance = pi.Instance(path)
            for name in solvers:
                row = {"set": wish.set, "instance": instance.name, "solver": name, "seconds": wish.time, "best": best.get(instance.name.lower())}
                routes, spent = solve_ours(wish.program, path, wish.time, wish.seed) if name == "ours" else solve_peer(name, instance, wish.time, wish.seed)
                if routes is None:
                    row["wrong"] = spent
                else:
                    row["cpu_seconds"] = spent
                    try:
                        row.update(distance=pi.check(instance, routes), vehicles=len(routes))
                    except ValueError as error:
                        row["wrong"] = str(error)
                print(json.dumps(row), file=out, flush=True)


main()
