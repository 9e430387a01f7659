// Everything that knows the wire, as one chunk: it is fetched while the first picture is already there.
export * as clients from './clients';
export * as convert from './convert';
