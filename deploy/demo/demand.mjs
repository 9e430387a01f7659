// What the town asks for: a deterministic list of orders over the hours, with two busy times (lunch and evening like), most of them
// prescriptions, the rest home tests, and a few that must be refused, are cancelled, or find nobody at home. It calls nothing.
import { chance } from './chance.mjs';
import { catalog } from './town.mjs';

const TEST_SHARE = 0.3, REFUSABLE = 0.04, CANCELLED = 0.03, ABSENT = 0.025, REJECTED = 0.01, CHRONIC = 0.35;

/** When within 0..1 of the shift: a floor with two peaks. */
function when(luck) {
  for (;;) {
    const x = luck.unit();
    const rate = 0.45 + 0.55 * Math.exp(-(((x - 0.3) / 0.1) ** 2)) + 0.5 * Math.exp(-(((x - 0.72) / 0.12) ** 2));
    if (luck.unit() < rate) return x;
  }
}

const yes = (cell) => cell === '1';
const plain = (row) => yes(row.eligible) && !yes(row.prohibited) && !yes(row.controlled) && !yes(row.injection) && !row.sex && !Number(row.age_min) && !Number(row.age_max) && !row.indications;

function shelves() {
  const formulary = catalog('formulary');
  return {
    acute: formulary.filter((row) => plain(row) && !yes(row.chronic)),
    chronic: formulary.filter((row) => plain(row) && yes(row.chronic)),
    cold: formulary.filter((row) => yes(row.cold) && plain(row)),
    uncovered: formulary.filter((row) => !yes(row.eligible) && !yes(row.prohibited) && !yes(row.controlled) && !yes(row.injection)),
    prohibited: formulary.filter((row) => yes(row.prohibited)),
    tests: catalog('tests').filter((row) => row.benefit === 'TEST' && yes(row.eligible) && !row.sex),
    members: catalog('members').filter((row) => /^M\d+$/.test(row.code) && row.plan.startsWith('HOME-60') && row.plan !== 'HOME-60-WAIT'),
  };
}

function lines(luck, stock, chronic) {
  const shelf = chronic ? stock.chronic : stock.acute;
  const count = 1 + luck.below(3);
  const chosen = luck.shuffle(shelf).slice(0, count);
  if (luck.is(0.08)) chosen[0] = luck.pick(stock.uncovered);
  else if (luck.is(0.04) && stock.cold.length) chosen[0] = luck.pick(stock.cold);
  return chosen.map((row) => ({ product_code: row.code, quantity: 1 + (luck.is(0.25) ? 1 : 0), price_fen: Number(row.price_fen) }));
}

/** One of the ways to be refused: each names the rule that should say no. */
const REFUSALS = [
  (order, luck, stock) => { order.lines = [{ product_code: luck.pick(stock.prohibited).code, quantity: 1, price_fen: 1500 }]; },
  (order) => { order.member = 'EDGE-LAPSED'; },
  (order) => { order.member = 'EDGE-70'; },
  (order) => { order.issued_days_ago = 5; },
];

export function makeDemand({ seed, orders, hours, labs }) {
  const stock = shelves();
  const does = (test) => labs.some((lab) => lab.tests.includes('*') || lab.tests.includes(test.code));
  stock.tests = stock.tests.filter(does);
  const luck = chance(seed, 'demand');
  const members = luck.shuffle(stock.members);
  const times = Array.from({ length: orders }, () => Math.round(when(luck) * hours * 3600000)).sort((a, b) => a - b);
  return times.map((at_ms, index) => {
    const own = chance(seed, `order ${index}`);
    const order = { index, at_ms, key: `${seed}-${index}`, member: members[index % members.length].code, urgent: own.is(0.08), issued_days_ago: 0 };
    order.kind = own.is(TEST_SHARE) && stock.tests.length ? 'test' : 'prescription';
    order.cancel_after_ms = own.is(CANCELLED) ? own.between(60, 600) * 1000 : 0;
    order.absent = own.is(ABSENT);
    if (order.kind === 'test') {
      order.tests = own.shuffle(stock.tests).slice(0, 1).map((row) => ({ test_code: row.code, price_fen: Number(row.ceiling_fen) }));
    } else {
      order.chronic = own.is(CHRONIC);
      order.lines = lines(own, stock, order.chronic);
      order.approve_after_ms = own.between(40, 300) * 1000;
      order.prep_factor = own.between(0.6, 1.25);
      order.rejected = own.is(REJECTED);
      if (own.is(REFUSABLE / (1 - TEST_SHARE))) {
        own.pick(REFUSALS)(order, own, stock);
        order.refusable = true;
      }
    }
    return order;
  });
}
