// The player's door to meddispatch: official gRPC client, our .proto files, the city's clock, and patience. Every command bears an
// idempotency key, so a call whose answer was lost is simply made again; a daemon that dies and comes back costs time, nothing else.
// It must not know what is played.
import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';
import { fileURLToPath } from 'node:url';

const PROTO = fileURLToPath(new URL('../../proto', import.meta.url));
const FILES = ['access', 'order', 'courier', 'board', 'claim', 'catalog', 'routing', 'settlement'].map((name) => `meddispatch/v1/${name}.proto`);
const definition = protoLoader.loadSync(FILES, { includeDirs: [PROTO], keepCase: true, longs: String, enums: String, defaults: true, oneofs: true });
export const v1 = grpc.loadPackageDefinition(definition).meddispatch.v1;
export const status = grpc.status;

const CHANNEL = { 'grpc.initial_reconnect_backoff_ms': 50, 'grpc.max_reconnect_backoff_ms': 500, 'grpc.max_receive_message_length': 64 << 20 };
const DEADLINE_MS = 10000;
const AGAIN = new Set([status.UNAVAILABLE, status.RESOURCE_EXHAUSTED, status.DEADLINE_EXCEEDED]);

// health.proto has one message of one field each way; two lines here save a copy of the file
const Health = grpc.makeGenericClientConstructor({
  Check: { path: '/grpc.health.v1.Health/Check', requestStream: false, responseStream: false, requestSerialize: (name) => Buffer.concat([Buffer.from(name ? [10, name.length] : []), Buffer.from(name)]),
    responseDeserialize: (bytes) => (bytes.length >= 2 && bytes[0] === 8 ? bytes[1] : 0) },
}, 'grpc.health.v1.Health');

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));
/** The connection broke under the call: made again, as UNAVAILABLE is. */
const broken = (error) => (error.code === status.INTERNAL || error.code === status.CANCELLED || error.code === status.UNKNOWN) && /RST_STREAM|[Cc]onnection|ECONN|socket/.test(error.details ?? '');
export const worthRepeating = (error) => AGAIN.has(error.code) || broken(error);

export class Api {
  /** `patience_ms`: how long one call is repeated before its error is thrown. `tokens`: { admin, logistics, dispatcher }, or none for a daemon that asks for none. */
  constructor(address, { patience_ms = 60000, tokens = null } = {}) {
    this.address = address;
    this.tokens = tokens;
    this.patience_ms = patience_ms;
    this.clients = new Map();
    this.repeats = 0;
    this.closed = false;
  }

  client(service) {
    if (!this.clients.has(service)) this.clients.set(service, new v1[service](this.address, grpc.credentials.createInsecure(), CHANNEL));
    return this.clients.get(service);
  }

  /** Couriers' calls as the fleet, the board's as a dispatcher, all others as the insurer. */
  who(service) {
    const metadata = new grpc.Metadata();
    const token = this.tokens?.[{ CourierService: 'logistics', BoardService: 'dispatcher' }[service] ?? 'admin'];
    if (token) metadata.set('authorization', `Bearer ${token}`);
    return metadata;
  }

  once(service, method, request, deadline_ms = DEADLINE_MS) {
    return new Promise((resolve, reject) => {
      this.client(service)[method](request, this.who(service), { deadline: Date.now() + deadline_ms }, (error, response) => (error ? reject(error) : resolve(response)));
    });
  }

  /** Unary, repeated while the daemon is away or full. */
  async call(service, method, request) {
    const began = Date.now();
    for (let wait_ms = 50; ; wait_ms = Math.min(wait_ms * 2, 1000)) {
      try {
        return await this.once(service, method, request);
      } catch (error) {
        if (this.closed || !worthRepeating(error) || Date.now() - began > this.patience_ms) throw error;
        this.repeats++;
        await pause(wait_ms * (0.5 + Math.random() / 2));
      }
    }
  }

  /** A client stream of ready-made messages, answered once. */
  async load(service, method, messages) {
    return new Promise((resolve, reject) => {
      const stream = this.client(service)[method](this.who(service), { deadline: Date.now() + 60000 }, (error, response) => (error ? reject(error) : resolve(response)));
      for (const message of messages) stream.write(message);
      stream.end();
    });
  }

  /** Follow a server stream for good: `request()` is asked anew at each opening. Returns the way to stop it. */
  follow(service, method, request, onMessage, onError = () => {}) {
    let stream = null, stopped = false, wait_ms = 50;
    const open = () => {
      if (stopped || this.closed) return;
      stream = this.client(service)[method](request(), this.who(service));
      stream.on('data', (message) => {
        wait_ms = 50;
        onMessage(message);
      });
      let ended = false;
      const again = (error) => {
        if (ended) return;
        ended = true;
        if (stopped || this.closed) return;
        if (error && !worthRepeating(error)) onError(error);
        setTimeout(open, wait_ms);
        wait_ms = Math.min(wait_ms * 2, 1000);
      };
      stream.on('error', again);
      stream.on('end', () => again(null));
    };
    open();
    return () => {
      stopped = true;
      stream?.cancel();
    };
  }

  /** Health of the whole daemon, and what its clock says: { serving, time_ms, speed }. */
  health() {
    const client = new Health(this.address, grpc.credentials.createInsecure(), CHANNEL);
    return new Promise((resolve, reject) => {
      const seen = {};
      const sent = performance.now();
      const call = client.Check('', new grpc.Metadata(), { deadline: Date.now() + DEADLINE_MS }, (error, serving) => {
        client.close();
        if (error) reject(error);
        else resolve({ serving: serving === 1, at: (sent + performance.now()) / 2, ...seen });
      });
      call.on('metadata', (metadata) => {
        seen.time_ms = Number(metadata.get('meddispatch-time-ms')[0]);
        seen.speed = Number(metadata.get('meddispatch-clock-speed')[0]);
      });
    });
  }

  close() {
    this.closed = true;
    for (const client of this.clients.values()) client.close();
  }
}

/** The city's time, kept here between two looks at the daemon's: both run at the same constant speed. */
export class CityClock {
  static async of(api) {
    const clock = new CityClock();
    for (let tries = 0; ; tries++) {
      try {
        const seen = await api.health();
        if (!Number.isFinite(seen.time_ms) || !(seen.speed > 0)) throw new Error('the daemon does not tell its clock in meddispatch-time-ms and meddispatch-clock-speed');
        Object.assign(clock, { zero_ms: seen.time_ms, at: seen.at, speed: seen.speed });
        return clock;
      } catch (error) {
        if (tries > 50 || !worthRepeating(error)) throw error;
        await pause(200);
      }
    }
  }
  now() {
    return Math.round(this.zero_ms + (performance.now() - this.at) * this.speed);
  }
  real_ms(city_ms) {
    return Math.max(1, city_ms / this.speed);
  }
  sleep(city_ms) {
    return pause(this.real_ms(city_ms));
  }
  async until(city_ms) {
    while (this.now() < city_ms) await pause(Math.min(this.real_ms(city_ms - this.now()), 60000));
  }
}
