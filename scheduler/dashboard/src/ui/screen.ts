// What the screen is like: light or dark, small (then nothing can be acted on), and whether it can draw a map.
import { computed, effect, signal } from '@preact/signals';
import { mayDispatch } from '../api/session';

const KEPT = 'meddispatch.theme';
const kept = (): string => {
  try {
    return localStorage.getItem(KEPT) ?? '';
  } catch {
    return '';
  }
};
const prefers = matchMedia('(prefers-color-scheme: dark)');
const asked = new URLSearchParams(location.search).get('theme') ?? kept();
export const dark = signal(asked ? asked === 'dark' : prefers.matches);
effect(() => {
  document.documentElement.dataset['theme'] = dark.value ? 'dark' : 'light';
});
export function toggleTheme(): void {
  dark.value = !dark.value;
  try {
    localStorage.setItem(KEPT, dark.value ? 'dark' : 'light');
  } catch {
    return;
  }
}

const small = matchMedia('(max-width: 720px)');
export const narrow = signal(small.matches);
small.addEventListener('change', () => (narrow.value = small.matches));
/** Nothing can be acted on: a phone, or a role that only looks. */
export const readOnly = computed(() => narrow.value || !mayDispatch());

export const canDraw = ((): boolean => {
  if (new URLSearchParams(location.search).get('map') === 'off') return false;
  try {
    const canvas = document.createElement('canvas');
    return !!(canvas.getContext('webgl2') ?? canvas.getContext('webgl'));
  } catch {
    return false;
  }
})();
