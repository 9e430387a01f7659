"""OSRM and Valhalla, from the programs that their wheels on PyPI carry, on the same extract with their own car profile: so the graph is not ours and answers are not compared.

What is told is the CPU time of the server's own process a request, HTTP and JSON in it; loopback only. Usage: geo_servers.py WHEELS EXTRACT PREFIX FOLDER"""
import glob
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
import zipfile

wheels, extract, prefix, folder = sys.argv[1:5]
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
READY_S, REQUEST_S = 60, 120


def tell(peer, figure, unit, value, repeats):
    print(json.dumps({"peer": peer, "figure": figure, "unit": unit, "value": value, "repeats": repeats}), flush=True)


def unpacked(name, what):
    """The folder of a wheel's files, or None with the reason told."""
    found = sorted(glob.glob(os.path.join(wheels, name + "-*.whl")))
    if not found:
        print(json.dumps({"peer": what, "missing": f"PyPI has no wheel of {name} for this machine"}))
        return None
    target = os.path.join(folder, name)
    if not os.path.isdir(target):
        with zipfile.ZipFile(found[-1]) as wheel:
            wheel.extractall(target)
        for program in glob.glob(os.path.join(target, "*", "bin", "*")):
            os.chmod(program, 0o755)
    return target


def spent_s(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def run(*command, **more):
    """CPU seconds of a program that ends."""
    before = os.times()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
    after = os.times()
    return after.children_user - before.children_user + after.children_system - before.children_system


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def ask(url, body=None):
    with urllib.request.urlopen(urllib.request.Request(url, data=body and json.dumps(body).encode(), headers={"Content-Type": "application/json"}), timeout=REQUEST_S) as answer:
        return answer.read()


def serving(command, port, **more):
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
    until = time.monotonic() + READY_S
    while time.monotonic() < until and server.poll() is None:
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return server
        time.sleep(0.05)
    server.kill()
    raise RuntimeError(f"{command[0]} does not serve")


def figures(peer, pid, route, table, sizes):
    rng = random.Random(1)
    for path, figure in ((False, "point to point, distance"), (True, "point to point, with path")):
        before, count = spent_s(pid), 1000
        for _ in range(count):
            route([rng.choice(points), rng.choice(points)], path)
        tell(peer, figure, "us", (spent_s(pid) - before) * 1e6 / count, count)
    for size, repeats in sizes:
        spent = []
        for _ in range(repeats):
            places, before = [rng.choice(points) for _ in range(2 * size)], spent_s(pid)
            table(places[:size], places[size:])
            spent.append((spent_s(pid) - before) * 1e3)
        tell(peer, f"matrix {size} x {size}", "ms", statistics.mean(spent), repeats)


def osrm():
    files = unpacked("osrm_bindings", "OSRM CH")
    if not files:
        return
    binary, profiles = os.path.join(files, "osrm", "bin"), os.path.join(files, "osrm", "share", "profiles")
    work = os.path.join(folder, "osrm-work")
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    base = os.path.join(work, "map")
    os.symlink(os.path.abspath(extract), base + ".osm.pbf")
    build = run(os.path.join(binary, "osrm-extract"), "-t", "1", "-p", os.path.join(profiles, "car.lua"), base + ".osm.pbf", cwd=profiles)
    contract = run(os.path.join(binary, "osrm-contract"), "-t", "1", base + ".osrm")
    tell("OSRM CH", "map build (extract)", "ms", build * 1e3, 1)
    tell("OSRM CH", "map build (contraction)", "ms", contract * 1e3, 1)
    port = free_port()
    server = serving([os.path.join(binary, "osrm-routed"), "-t", "1", "--ip", "127.0.0.1", "-p", str(port), "--max-table-size", "4000", base + ".osrm"], port)
    try:
        at = lambda places: ";".join(f"{lon:.6f},{lat:.6f}" for lat, lon in places)
        route = lambda places, path: ask(f"http://127.0.0.1:{port}/route/v1/car/{at(places)}?overview={'full' if path else 'false'}&geometries=polyline")

        def table(sources, targets):
            first, second = (";".join(str(i) for i in span) for span in (range(len(sources)), range(len(sources), len(sources) + len(targets))))
            ask(f"http://127.0.0.1:{port}/table/v1/car/{at(sources + targets)}?sources={first}&destinations={second}&annotations=duration")

        figures("OSRM CH", server.pid, route, table, ((100, 9), (1000, 3)))
    finally:
        server.kill()
        server.wait()


def valhalla():
    files = unpacked("pyvalhalla", "Valhalla")
    if not files:
        return
    binary, work = os.path.join(files, "valhalla", "bin"), os.path.join(folder, "valhalla-work")
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    port = free_port()
    sys.path.insert(0, files)
    config_path = os.path.join(work, "valhalla.json")
    with open(config_path, "w") as out:
        subprocess.run([sys.executable, os.path.join(files, "valhalla", "valhalla_build_config.py"), "--mjolnir-tile-dir", work, "--mjolnir-concurrency", "1", "--service-limits-auto-max-matrix-location-pairs", "1000000",
                        "--service-limits-auto-max-matrix-distance", "1000000000", "--httpd-service-listen", f"tcp://127.0.0.1:{port}"], check=True, stdout=out, stderr=subprocess.DEVNULL)
    for channel in ("loopback", "interrupt"):  # sockets of its own parts: in our folder
        with open(config_path) as file:
            config = json.load(file)
        config["httpd"]["service"][channel] = f"ipc://{work}/{channel}"
        for part in ("loki", "thor", "odin", "meili"):
            if part in config and "service" in config[part]:
                config[part]["service"]["proxy"] = f"ipc://{work}/{part}"
        with open(config_path, "w") as file:
            json.dump(config, file)
    tell("Valhalla", "map build", "ms", run(os.path.join(binary, "valhalla_build_tiles"), "-c", config_path, extract) * 1e3, 1)
    server = serving([os.path.join(binary, "valhalla_service"), config_path, "1"], port)
    try:
        at = lambda places: [{"lat": lat, "lon": lon} for lat, lon in places]
        route = lambda places, path: ask(f"http://127.0.0.1:{port}/route", {"locations": at(places), "costing": "auto", "directions_type": "none", **({} if path else {"shape_format": "no_shape"})})
        table = lambda sources, targets: ask(f"http://127.0.0.1:{port}/sources_to_targets", {"sources": at(sources), "targets": at(targets), "costing": "auto"})
        figures("Valhalla", server.pid, route, table, ((100, 3),))
    finally:
        server.kill()
        server.wait()


points = []
with open(prefix + ".co") as file:
    for line in file:
        if line.startswith("v "):
            _, _, x, y = line.split()
            points.append((int(y) / 1e6, int(x) / 1e6))
for one in (osrm, valhalla):
    try:
        one()
    except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
        print(json.dumps({"peer": {"osrm": "OSRM CH", "valhalla": "Valhalla"}[one.__name__], "missing": f"did not run here: {str(error)[:200]}"}), flush=True)
