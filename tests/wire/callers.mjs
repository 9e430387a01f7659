// Calls of a house's daemon as who holds a token.
import { CITY, details, grpc, status, v1 } from './house.mjs';

/** { As, closeAll } for one house. */
export function caller(house) {
  const clients = {};
  /** Calls as who holds this token. */
  class As {
    constructor(secret) {
      this.secret = secret;
      this.metadata = new grpc.Metadata();
      if (secret) this.metadata.set('authorization', `Bearer ${secret}`);
    }
    client(service) {
      clients[service] ??= new v1[service](house.address, grpc.credentials.createInsecure());
      return clients[service];
    }
    call(service, method, request) {
      return new Promise((resolve, reject) => this.client(service)[method]({ city_id: CITY, ...request }, this.metadata, { deadline: Date.now() + 10000 }, (error, answer) => (error ? reject(error) : resolve(answer))));
    }
    async refusal(service, method, request) {
      try {
        await this.call(service, method, request);
      } catch (error) {
        return { ...details(error), code: error.code };
      }
      return { code: status.OK, reason: '' };
    }
    /** Bytes as they are to any method: how it ends. */
    raw(path, { requestStream, responseStream }) {
      const client = new grpc.Client(house.address, grpc.credentials.createInsecure());
      const same = (bytes) => bytes, options = { deadline: Date.now() + 5000 };
      return new Promise((resolve) => {
        const done = (error) => {
          client.close();
          resolve(error ? { ...details(error), code: error.code } : { code: status.OK, reason: '' });
        };
        if (requestStream) client.makeClientStreamRequest(path, same, same, this.metadata, options, done).end();
        else if (responseStream) {
          const stream = client.makeServerStreamRequest(path, same, same, Buffer.alloc(0), this.metadata, options);
          stream.on('data', () => stream.cancel());
          stream.on('error', done);
          stream.on('end', () => done(null));
        } else client.makeUnaryRequest(path, same, same, Buffer.alloc(0), this.metadata, options, done);
      });
    }
  }
  return { As, closeAll: () => Object.values(clients).forEach((client) => client.close()) };
}
