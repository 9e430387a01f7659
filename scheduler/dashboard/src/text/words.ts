// The language in use, remembered by the browser; and a word in it.
import { effect, signal } from '@preact/signals';
import { en } from './en';
import type { Word } from './en';
import { zh } from './zh';
import type { Language } from './time';

const KEPT = 'meddispatch.language';
function first(): Language {
  const asked = new URLSearchParams(location.search).get('lang');
  if (asked === 'zh' || asked === 'en') return asked;
  try {
    const kept = localStorage.getItem(KEPT);
    if (kept === 'zh' || kept === 'en') return kept;
  } catch {
    // nothing is kept: the browser's own language then
  }
  return navigator.language.startsWith('zh') ? 'zh' : 'en';
}

export const language = signal<Language>(first());
effect(() => {
  document.documentElement.lang = language.value === 'zh' ? 'zh-CN' : 'en';
  try {
    localStorage.setItem(KEPT, language.value);
  } catch {
    return;
  }
});

export function t(word: Word, ...fill: (string | number)[]): string {
  const text = (language.value === 'zh' ? zh : en)[word];
  return fill.length ? text.replace(/\{(\d)\}/g, (_, at: string) => String(fill[Number(at)] ?? '')) : text;
}
/** A word whose key is made of a server's code; the code itself if we have no word for it. */
export function tCode(prefix: string, code: string): string {
  const words = language.value === 'zh' ? zh : en;
  return (words as Record<string, string>)[`${prefix}_${code}`] ?? code;
}
