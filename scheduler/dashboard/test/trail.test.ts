import assert from 'node:assert/strict';
import test from 'node:test';
import { trailAdd } from '../src/state/trail';
import type { Trails } from '../src/state/trail';
import { makeCourier } from './make';

test('a trail keeps steps that can be seen, in order, and is bounded', () => {
  const trails: Trails = new Map();
  for (let i = 0; i < 1000; i++) trailAdd(trails, makeCourier({ at: { lat: 30 + i * 0.001, lon: 120 } }));
  const trail = trails.get('9')!;
  assert.ok(trail.length <= 240);
  assert.equal(trail[0]!.lat, 30);
  assert.equal(trail.at(-1)!.lat, 30 + 999 * 0.001);
  trailAdd(trails, makeCourier({ at: { lat: trail.at(-1)!.lat + 0.00001, lon: 120 } }));
  assert.equal(trails.get('9')!.at(-1)!.lat, 30 + 999 * 0.001, 'standing still adds nothing');
});

test('who ends his shift leaves no trail, and nowhere is no place', () => {
  const trails: Trails = new Map();
  trailAdd(trails, makeCourier({ at: { lat: 0, lon: 0 } }));
  assert.equal(trails.size, 0);
  trailAdd(trails, makeCourier());
  trailAdd(trails, makeCourier({ on_shift: false }));
  assert.equal(trails.size, 0);
});
