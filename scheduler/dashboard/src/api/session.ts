// Who sits here: the dispatcher's name for the log, the city, and the token of a sign-in link. A link's secret is taken out of the address at once.
import { signal } from '@preact/signals';

const TOKEN = 'meddispatch.token', NAME = 'meddispatch.dispatcher', CITY = 'meddispatch.city';
const read = (store: Storage, name: string): string => {
  try {
    return store.getItem(name) ?? '';
  } catch {
    return ''; // a browser that keeps nothing still works
  }
};
const write = (store: Storage, name: string, value: string): void => {
  try {
    if (value) store.setItem(name, value);
    else store.removeItem(name);
  } catch {
    return;
  }
};

const given = new URLSearchParams(location.hash.slice(1));
if (given.has('token')) {
  write(sessionStorage, TOKEN, given.get('token') ?? '');
  history.replaceState(null, '', location.pathname + location.search);
}
let token = read(sessionStorage, TOKEN);
export const bearer = (): string => token;
export const signedOut = signal(false);
export function forgetToken(): void {
  token = '';
  write(sessionStorage, TOKEN, '');
  signedOut.value = true;
}

export const city = signal(Number(new URLSearchParams(location.search).get('city') ?? read(localStorage, CITY)) || 1);
export const dispatcher = signal(read(localStorage, NAME) || 'dispatcher');
export function setDispatcher(name: string): void {
  const clean = name.trim().replace(/[^\x21-\x7e]/g, '').slice(0, 32);
  if (!clean) return;
  dispatcher.value = clean;
  write(localStorage, NAME, clean);
}
export const SOURCE = 'dashboard';
