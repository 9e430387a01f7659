import assert from 'node:assert/strict';
import test from 'node:test';
import { clockHear, clockNew, clockNow } from '../src/state/clock';
import { ago, day, left, money, span, time } from '../src/text/time';
import { MINUTE } from './make';

test('minutes as people say them', () => {
  assert.equal(span(59000, 'en'), '0 min');
  assert.equal(span(65 * MINUTE, 'en'), '1 h 05 min');
  assert.equal(span(65 * MINUTE, 'zh'), '1 小时 5 分');
  assert.equal(span(25 * 60 * MINUTE, 'en'), '1 d 1 h');
  assert.equal(left(12 * MINUTE, 'zh'), '剩 12 分钟');
  assert.equal(left(-1, 'en'), '1 min late', 'late is late from the first second');
  assert.equal(left(-5 * MINUTE, 'zh'), '晚 5 分钟');
  assert.equal(ago(90000, 'en'), '90 s ago');
  assert.equal(ago(10 * MINUTE, 'zh'), '10 分钟前');
});

test('clock times are the city’s, whatever the browser’s zone', () => {
  assert.equal(time(Date.UTC(2026, 0, 5, 18, 30), 'Asia/Shanghai'), '02:30');
  assert.equal(day(Date.UTC(2026, 0, 5, 18, 30), 'Asia/Shanghai'), '2026-01-06');
  assert.equal(time(0, 'Asia/Shanghai'), '–');
});

test('fen are never rounded', () => {
  assert.equal(money(123456), '¥1234.56');
  assert.equal(money(-5), '¥-0.05');
});

test('the clock is the server’s and stops when the server is silent', () => {
  const clock = clockNew();
  assert.equal(clockNow(clock, 5), 0);
  clockHear(clock, 1000000, 100);
  assert.equal(clockNow(clock, 600), 1000500);
  assert.equal(clockNow(clock, 100 + 3600000), 1000000 + 10000);
});

test('the clock learns the pace of a simulated city and forgives jitter', () => {
  const fast = clockNew();
  for (let i = 0; i <= 10; i++) clockHear(fast, 1000000 + i * 2000 * 120, i * 2000);
  assert.equal(fast.rate, 120);
  assert.equal(clockNow(fast, 20000 + 500), 1000000 + 20500 * 120);
  const real = clockNew();
  for (let i = 0; i <= 10; i++) clockHear(real, 1000000 + i * 2000 + (i % 2) * 300, i * 2000);
  assert.equal(real.rate, 1);
});
