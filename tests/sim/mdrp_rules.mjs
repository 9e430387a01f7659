// Judges a meal-delivery day from the instance's files and the three solution files alone, by the rules of Reyes et al. (2018): an independent second
// opinion that shares no code with the simulator. Times are read as minutes and must be whole seconds.
import fs from 'node:fs';
import path from 'node:path';

const lines = (folder, file) => fs.readFileSync(path.join(folder, file), 'utf8').split(/\r?\n/).filter((line) => line.trim());

function table(folder, file) {
  const [head, ...rows] = lines(folder, file).map((line) => line.split('\t'));
  return rows.map((row) => Object.fromEntries(head.map((name, i) => [name, row[i]])));
}

export function readInstance(folder) {
  const byName = (rows, key) => new Map(rows.map((row) => [row[key], row]));
  const [parameters] = table(folder, 'instance_parameters.txt');
  return {
    restaurants: byName(table(folder, 'restaurants.txt'), 'restaurant'),
    orders: byName(table(folder, 'orders.txt'), 'order'),
    couriers: byName(table(folder, 'couriers.txt'), 'courier'),
    metresPerSecond: Number(parameters.meters_per_minute) / 60,
    pickupHalf: Number(parameters['pickup service minutes']) * 30,
    dropoffHalf: Number(parameters['dropoff service minutes']) * 30,
    target: Number(parameters['target click-to-door']) * 60,
  };
}

function seconds(text, faults, what) {
  const value = Number(text) * 60, whole = Math.round(value);
  if (!Number.isFinite(value) || Math.abs(value - whole) > 1e-6) faults.push(`${what}: ${text} minutes are no whole seconds`);
  return whole;
}

export function readSolution(folder, faults) {
  const assignments = lines(folder, 'solution_info_assignments.txt').slice(1).map((line) => {
    const [assigned, pickup, courier, ...orders] = line.split(' ');
    return { assigned: seconds(assigned, faults, 'assignment'), pickup: seconds(pickup, faults, 'pick-up'), courier, orders };
  });
  const [head, ...rows] = lines(folder, 'solution_info_orders.txt').map((line) => line.split(' '));
  const orders = new Map(rows.map((row) => [row[0], Object.fromEntries(head.map((name, i) => [name, row[i]]))]));
  const moves = new Map();
  for (const line of lines(folder, 'solution_info_couriers.txt').slice(1)) {
    const [courier, departure, origin, destination] = line.split(' ');
    if (!moves.has(courier)) moves.set(courier, []);
    moves.get(courier).push({ departure: seconds(departure, faults, 'departure'), origin, destination });
  }
  return { assignments, orders, moves };
}

function travel(instance, from, to) {
  const at = (name) => instance.restaurants.get(name) ?? instance.orders.get(name) ?? instance.couriers.get(name);
  const a = at(from), b = at(to);
  return Math.ceil(Math.hypot(a.x - b.x, a.y - b.y) / instance.metresPerSecond - 1e-9);
}

// Every courier's day as visits: where, when he arrives, when he leaves (Infinity: he stays).
function visitsOf(instance, courier, moves, faults) {
  let place = courier, free = Number(instance.couriers.get(courier).on_time) * 60;
  const visits = [];
  for (const move of moves) {
    if (move.origin !== place) faults.push(`${courier} leaves ${move.origin} but stands at ${place}`);
    if (move.departure < free) faults.push(`${courier} leaves ${place} at ${move.departure}, not free before ${free}`);
    if (visits.length) visits.at(-1).leaves = move.departure;
    const arrives = move.departure + travel(instance, move.origin, move.destination);
    visits.push({ place: move.destination, left: move.departure, arrives, leaves: Infinity });
    place = move.destination;
    free = arrives + 2 * (instance.restaurants.has(place) ? instance.pickupHalf : instance.dropoffHalf);
  }
  return visits;
}

function judgeAssignment(instance, solution, one, seen, relaxed, faults) {
  const courier = instance.couriers.get(one.courier);
  if (!courier) return faults.push(`no courier ${one.courier}`);
  if (one.orders.length === 0 || (relaxed && one.orders.length > 1)) faults.push(`${one.courier} is told ${one.orders.length} orders at once`);
  if (one.pickup > Number(courier.off_time) * 60) faults.push(`${one.courier} picks up after his off time`);
  const restaurant = instance.orders.get(one.orders[0])?.restaurant;
  for (const name of one.orders) {
    const order = instance.orders.get(name), fate = solution.orders.get(name);
    if (!order || !fate) { faults.push(`no order ${name}`); continue; }
    if (seen.has(name)) faults.push(`${name} is assigned twice`);
    seen.add(name);
    if (one.assigned < Number(order.placement_time) * 60) faults.push(`${name} is assigned before it is placed`);
    if (one.pickup < Number(order.ready_time) * 60) faults.push(`${name} is picked up before it is ready`);
    if (order.restaurant !== restaurant) faults.push(`${name} is bundled with another restaurant's`);
    if (fate.courier !== one.courier || seconds(fate.pickup_time, faults, name) !== one.pickup) faults.push(`${name} is not with whom it was assigned to`);
  }
}

// Strict: each courier's visits are his bundles one after the other, told while he stands still.
function judgeStrict(solution, courier, visits, faults) {
  let at = 0, free = -Infinity;
  for (const one of solution.assignments.filter((assignment) => assignment.courier === courier)) {
    if (one.assigned < free) faults.push(`${courier} is told something while under way`);
    const legs = visits.slice(at, at + one.orders.length + 1);
    if (legs.length <= one.orders.length || legs[0].left < one.assigned) faults.push(`${courier} sets off before he is told`);
    if (legs.slice(1).some((leg, i) => leg.place !== one.orders[i])) faults.push(`${courier} does not follow the bundle ${one.orders}`);
    at += legs.length;
    free = legs.length ? legs.at(-1).arrives : free;
  }
  if (at !== visits.length) faults.push(`${courier} moves without being told`);
}

export function judge(instanceFolder, solutionFolder, { relaxed = false } = {}) {
  const faults = [], instance = readInstance(instanceFolder), solution = readSolution(solutionFolder, faults), seen = new Set();
  for (const one of solution.assignments) judgeAssignment(instance, solution, one, seen, relaxed, faults);
  for (const name of solution.moves.keys()) if (!instance.couriers.has(name)) faults.push(`no courier ${name}`);
  for (const [courier] of instance.couriers) {
    const visits = visitsOf(instance, courier, solution.moves.get(courier) ?? [], faults);
    if (!relaxed) judgeStrict(solution, courier, visits, faults);
    for (const [name, order] of instance.orders) {
      const fate = solution.orders.get(name);
      if (fate?.courier !== courier) continue;
      const pickup = seconds(fate.pickup_time, faults, name), dropoff = seconds(fate.dropoff_time, faults, name);
      const got = visits.findIndex((v) => v.place === order.restaurant && v.arrives + instance.pickupHalf <= pickup && pickup + instance.pickupHalf <= v.leaves);
      const gave = visits.findIndex((v) => v.place === name && v.arrives + instance.dropoffHalf === dropoff && dropoff + instance.dropoffHalf <= v.leaves);
      if (got < 0) faults.push(`${name} is picked up where ${courier} is not`);
      if (gave < 0 || gave < got) faults.push(`${name} is handed over where ${courier} is not`);
    }
  }
  const took = [];
  let undelivered = 0;
  for (const [name, order] of instance.orders) {
    const fate = solution.orders.get(name), delivered = fate && fate.courier !== 'NA';
    if (!fate) faults.push(`${name} is not in the solution`);
    if (delivered !== seen.has(name)) faults.push(`${name}: assigned and not delivered, or the other way round`);
    if (delivered) took.push(seconds(fate.dropoff_time, faults, name) / 60 - Number(order.placement_time));
    else undelivered++;
  }
  return { faults, figures: { ...summary(took, instance.target / 60), orders: instance.orders.size, undelivered } };
}

function summary(took, target) {
  const sorted = [...took].sort((a, b) => a - b), rank = 0.9 * (sorted.length - 1), below = Math.floor(rank);
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    click_to_door_mean_min: mean(took),
    click_to_door_p90_min: sorted[below] + (rank - below) * ((sorted[below + 1] ?? sorted[below]) - sorted[below]),
    overage_mean_min: mean(took.map((value) => Math.max(0, value - target))),
  };
}
