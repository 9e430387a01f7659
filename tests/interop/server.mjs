// Starts interop_server for a test file and stops it; a server that a sanitizer stopped fails the tests.
import { spawn } from 'node:child_process';
import assert from 'node:assert/strict';

export async function startServer(...args) {
  const child = spawn(process.env.INTEROP_SERVER, ['--port', '0', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));
  const address = await new Promise((resolve, reject) => {
    child.stdout.once('data', (data) => resolve(/address=(\S+)/.exec(data)[1]));
    child.once('error', reject);
    ended.then((how) => reject(new Error(`interop_server ended: ${how}`)));
  });
  return {
    address,
    /** Reads the TLS files again; how that went, by name. */
    async reload() {
      const said = new Promise((resolve) => child.stdout.once('data', (data) => resolve(/reload status=(\S+)/.exec(data)[1])));
      child.kill('SIGHUP');
      return said;
    },
    async stop() {
      child.kill('SIGTERM');
      assert.equal(await ended, 0);
    },
  };
}
