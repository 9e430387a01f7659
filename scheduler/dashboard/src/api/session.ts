// Who sits here: the role and city that the server knows him by, his name for the log, and the session's token. A sign-in link's code is taken out of the
// address at once and works once; what it was exchanged for stays in this tab.
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
/** The one-time code of the link that opened this page; '' none. */
export const signInCode = given.get('sign-in') ?? '';
if (signInCode) history.replaceState(null, '', location.pathname + location.search);
let token = read(sessionStorage, TOKEN);
export const bearer = (): string => token;
/** 'no': never signed in here, 'over': the session has ended, 'used': the link's code is unknown, used or too late. */
export const signedOut = signal<'' | 'no' | 'over' | 'used'>('');
export function keepToken(value: string): void {
  token = value;
  write(sessionStorage, TOKEN, value);
  signedOut.value = '';
}
export function forgetToken(): void {
  signedOut.value = token ? 'over' : signedOut.value || 'no';
  token = '';
  write(sessionStorage, TOKEN, '');
}

export type Role = '' | 'anyone' | 'dispatcher' | 'settlement' | 'admin' | 'auditor' | 'logistics';
/** As the server says; '' until it has said. */
export const role = signal<Role>('');
export const expires_ms = signal(0); // by the real clock; 0: does not
export const mayDispatch = (): boolean => role.value === '' || role.value === 'anyone' || role.value === 'dispatcher';
export const mayWatch = (): boolean => mayDispatch() || role.value === 'admin' || role.value === 'auditor';
export const maySettle = (): boolean => role.value === 'anyone' || role.value === 'settlement' || role.value === 'auditor';

export const city = signal(Number(new URLSearchParams(location.search).get('city') ?? read(localStorage, CITY)) || 1);
const clean = (name: string): string => name.trim().replace(/[^\x21-\x7e]/g, '-').slice(0, 32);
export const dispatcher = signal(read(localStorage, NAME));
export function setDispatcher(name: string): void {
  if (!clean(name)) return;
  dispatcher.value = clean(name);
  write(localStorage, NAME, dispatcher.value);
}

export interface Identity { role: string; subject: string; cityId: number; expiresMs: bigint }
export function known(who: Identity): void {
  role.value = who.role as Role;
  expires_ms.value = Number(who.expiresMs);
  if (who.role !== 'anyone' && who.cityId) city.value = who.cityId;
  if (!dispatcher.value) dispatcher.value = clean(who.subject) || 'dispatcher';
}
export const SOURCE = 'dashboard';
