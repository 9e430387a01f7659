// A dispatcher's hands: how a page is opened and what is done to it, in words. Knows the page by roles and labels, as somebody who cannot see it would.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { playwright, root, until } from './city.mjs';

const axe_source = readFileSync(createRequire(`${root}/tests/browser/package.json`).resolve('axe-core/axe.min.js'), 'utf8');

export const launch = () => playwright.chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist'] });

/** The browser's clock zone is far from the city's on purpose. */
export async function open(browser, url, { query = {}, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1500, height: 860 }, locale: 'en-US', timezoneId: 'America/New_York', acceptDownloads: true, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(40000); // a busy machine is no fault
  page.faults = [];
  page.on('pageerror', (error) => page.faults.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && /Content Security Policy|Uncaught/.test(message.text()) && page.faults.push(message.text()));
  const address = new URL(url);
  for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value);
  await page.goto(address.href);
  return page;
}

export const live = (page) => page.getByTestId('health').and(page.locator('.live')).waitFor();
export const go = (page, name) => page.getByRole('navigation').getByRole('button', { name }).click();

/** Find an order by Ctrl-K and open it. */
export async function pick(page, order_id) {
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+k');
  await dialog(page).getByRole('combobox').fill(String(order_id));
  await dialog(page).getByRole('option', { name: new RegExp(`^Order ${order_id} `) }).first().waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('complementary').getByRole('heading', { name: new RegExp(`^Order ${order_id}\\b`) }).waitFor();
  await page.keyboard.press('Tab'); // off the search field's ghost
}

export const dialog = (page) => page.getByRole('dialog');
export async function reason(page, text, button = 'Confirm') {
  await dialog(page).getByLabel('Reason').fill(text);
  await dialog(page).getByRole('button', { name: button }).click();
}
/** The last act's outcome, as text; closes it. */
export async function outcome(page) {
  const box = page.getByTestId('outcome');
  await box.waitFor();
  const text = await box.innerText();
  await box.getByRole('button', { name: 'Close' }).click();
  return text;
}

/** Serious and critical findings of axe, one a line. */
export async function axe(page) {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe_source);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  return violations.filter((one) => one.impact === 'serious' || one.impact === 'critical').map((one) => `${one.id}: ${one.help}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 140)).join(' | ')}`);
}

export { until };
