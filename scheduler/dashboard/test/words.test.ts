import assert from 'node:assert/strict';
import test from 'node:test';
import { en } from '../src/text/en';
import { zh } from '../src/text/zh';

test('both languages fill in the same places and leave nothing empty', () => {
  for (const [key, text] of Object.entries(en)) {
    const other = zh[key as keyof typeof en];
    assert.ok(text && other, key);
    assert.deepEqual([...other.matchAll(/\{\d\}/g)].map(String).sort(), [...text.matchAll(/\{\d\}/g)].map(String).sort(), key);
  }
});

test('Chinese is Chinese: no English sentence was left behind', () => {
  for (const [key, text] of Object.entries(zh)) if (key !== 'language' && key !== 'kpi_p90') assert.match(text, /[\u4e00-\u9fff]/, key);
});
