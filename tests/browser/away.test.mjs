// The daemon dies under an open page: within five seconds the page says that what it shows is out of date, and when the daemon is back the page heals by itself.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { City } from './city.mjs';
import { dialog, launch, live, open, outcome, pick, reason, until } from './page.mjs';

const city = new City({ orders: 60, couriers: 8, hours: 2, rush: 10, size: 900 });
let browser, page;
before(async () => {
  await city.start();
  city.play();
  browser = await launch();
  page = await open(browser, city.link());
  await live(page);
  await page.locator('.risk .row').first().waitFor();
});
after(async () => {
  await browser?.close();
  await city.stop();
});

/** When the banner came, in ms from now, by the page's own stop-watch; and what it says. */
const bannerAfter = () => page.evaluate(() => new Promise((resolve) => {
  const began = performance.now();
  const look = setInterval(() => {
    const banner = document.querySelector('.banner.bad');
    if (!banner && performance.now() - began < 20000) return;
    clearInterval(look);
    resolve({ ms: performance.now() - began, text: banner?.textContent ?? '' });
  }, 50);
}));

test('killed: a banner within five seconds; back: live again without a reload, with the same orders', async () => {
  const id = await city.quietOrder('M000911');
  await pick(page, id);
  await page.evaluate(() => (window.never_reloaded = true));
  const banner = bannerAfter();
  await city.kill();
  const { ms, text } = await banner;
  assert.ok(ms <= 5000, `the banner came after ${ms} ms`); // a bound that the product promises, of the page's own timers
  assert.match(text, /out of date/);
  assert.equal(await page.locator('main.stale').count(), 1, 'what is shown is greyed');
  await city.serve();
  await live(page);
  await page.locator('.banner.bad').waitFor({ state: 'detached' });
  assert.equal(await page.evaluate(() => window.never_reloaded), true);
  await page.getByRole('complementary').getByRole('heading', { name: new RegExp(`^Order ${id}`) }).waitFor();
  await page.keyboard.press('u');
  await reason(page, 'after the storm');
  assert.match(await outcome(page), /is now urgent/);
  await until('the server has it', async () => (await city.call('OrderService', 'GetOrder', { order_id: id })).order.priority === 'PRIORITY_URGENT');
});

test('a stream that hangs without ending is noticed too', async () => {
  const banner = bannerAfter();
  city.house.daemon.kill('SIGSTOP');
  const { ms, text } = await banner;
  assert.ok(ms <= 5000, `the banner came after ${ms} ms`);
  assert.match(text, /out of date/);
  city.house.daemon.kill('SIGCONT');
  await live(page);
  assert.equal(await dialog(page).count(), 0);
});
