// The bench's own programs work and their lines can be read: small forms of each mode against our server.
import { spawn, execFileSync } from 'node:child_process';
import assert from 'node:assert/strict';

const [server, load] = process.argv.slice(2);
const child = spawn(server, [], { stdio: ['ignore', 'pipe', 'inherit'] });
const port = await new Promise((resolve, reject) => {
  child.stdout.once('data', (data) => resolve(/:(\d+)\n/.exec(data)[1]));
  child.once('error', reject);
});
const ask = (mode, ...more) => JSON.parse(execFileSync(load, [mode, '--port', port, ...more.map(String)]));
const echo = ask('echo', '--connections', 4, '--streams', 5, '--calls', 2000);
assert.equal(echo.calls, 2000);
assert.equal(echo.wrong, 0);
const idle = ask('idle', '--connections', 100, '--pid', child.pid);
assert.equal(idle.wrong, 0);
assert.ok(idle.rss_after_kb > 0);
const board = ask('board', '--connections', 5, '--streams', 2, '--ms', 500);
assert.equal(board.wrong, 0);
assert.ok(board.deltas > 0 && board.p99_ms > 0);
child.kill('SIGTERM');
assert.equal(await new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code))), 0);
