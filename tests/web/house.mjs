// A server, requests, and gRPC-Web's frames by hand. It must not know what is right.
import { spawn } from 'node:child_process';
import http from 'node:http';
import net from 'node:net';
import readline from 'node:readline';

export class Server {
  async start(...args) {
    this.child = spawn(process.env.WEB_SERVER, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.ended = new Promise((resolve) => this.child.on('exit', (code, signal) => resolve({ code, signal })));
    const lines = readline.createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
    const { value } = await lines.next();
    const [, host, port] = /^http address=(.*):(\d+)$/.exec(value);
    Object.assign(this, { host, port: Number(port) });
    return this;
  }
  async stop() {
    this.child.kill('SIGTERM');
    return this.ended;
  }
  /** One request on a connection of its own (or the agent's): { status, headers, body, response }. `stream`: resolves at the head. */
  request(path, { method = 'GET', headers = {}, body, agent = false, stream = false, chunked = false } = {}) {
    return new Promise((resolve, reject) => {
      const options = { host: this.host, port: this.port, path, method, agent, headers: chunked ? { ...headers, 'transfer-encoding': 'chunked' } : headers };
      const request = http.request(options, (response) => {
        const parts = [];
        const answer = { status: response.statusCode, headers: response.headers, response, request };
        if (stream) return resolve(answer);
        response.on('data', (part) => parts.push(part));
        response.on('end', () => resolve({ ...answer, body: Buffer.concat(parts) }));
        response.on('error', reject);
      });
      request.on('error', reject);
      if (Array.isArray(body)) {
        for (const part of body) request.write(part);
        request.end();
      } else request.end(body);
    });
  }
  /** A gRPC-Web call: { status, headers, messages, trailers }. */
  async call(method, messages, options = {}) {
    const text = options.text ?? false;
    const body = Buffer.concat([].concat(messages).map(frame));
    const answer = await this.request(`/test.Echo/${method}`, {
      method: 'POST', ...options, body: text ? body.toString('base64') : options.pieces ? cut(body, options.pieces) : body,
      headers: { 'content-type': text ? 'application/grpc-web-text' : 'application/grpc-web+proto', 'x-grpc-web': '1', ...options.headers },
    });
    return { ...answer, ...(answer.body ? frames(text ? unbase64(answer.body) : answer.body) : {}) };
  }
  async counts() {
    return JSON.parse((await this.call('Counts', Buffer.alloc(0))).messages[0]);
  }
  socket() {
    return net.connect({ host: this.host, port: this.port });
  }
  /** What comes back for these bytes until the peer ends. */
  exchange(bytes) {
    return new Promise((resolve, reject) => {
      const socket = this.socket();
      let got = '';
      socket.setEncoding('latin1');
      socket.on('data', (part) => (got += part));
      socket.on('close', () => resolve(got));
      socket.on('error', (error) => (got ? resolve(got) : reject(error)));
      socket.write(bytes);
    });
  }
}

export function frame(message) {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, Buffer.from(message)]);
}

function cut(body, size) {
  const parts = [];
  for (let at = 0; at < body.length; at += size) parts.push(body.subarray(at, at + size));
  return parts;
}

/** Pieces that are each padded by themselves. */
function unbase64(body) {
  return Buffer.concat((String(body).match(/[^=]{2,}={0,2}/g) ?? []).map((piece) => Buffer.from(piece, 'base64')));
}

export function frames(body) {
  const messages = [], trailers = {};
  let ended = false;
  for (let at = 0; at < body.length;) {
    if (ended) throw new Error('bytes after the trailers');
    const flag = body[at], size = body.readUInt32BE(at + 1), inner = body.subarray(at + 5, at + 5 + size);
    if (inner.length !== size) throw new Error(`a frame of ${size} bytes is cut at ${inner.length}`);
    if (flag === 0x80) {
      ended = true;
      for (const line of String(inner).split('\r\n').filter(Boolean)) {
        const [, name, value] = /^([a-z0-9-]+): (.*)$/.exec(line);
        trailers[name] = value;
      }
    } else if (flag === 0) messages.push(inner);
    else throw new Error(`flag ${flag}`);
    at += 5 + size;
  }
  return { messages, trailers, ended };
}

export async function until(what, milliseconds = 10000) {
  const end = Date.now() + milliseconds;
  for (;;) {
    const got = await what();
    if (got) return got;
    if (Date.now() > end) throw new Error('it never happened');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
