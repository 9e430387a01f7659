// Every wall is tried: a small house on the real Rooms.cmake builds, each deliberate violation stops the build with a message that names
// the fault, and the same house without the violation builds again.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { cc, root } from './house.mjs';

const HOUSE = {
  'CMakeLists.txt': `cmake_minimum_required(VERSION 3.25)
project(scratch LANGUAGES C)
list(APPEND CMAKE_MODULE_PATH ${root}/deploy/cmake)
include(Rooms)
foreach(name base model loop store rpc plan main)
    add_subdirectory(\${name})
endforeach()
`,
  'base/CMakeLists.txt': 'room(base SOURCES base.c)\n',
  'base/base.h': '#ifndef BASE_H\n#define BASE_H\n#include <stdint.h>\nint64_t base_now(void);\n#endif\n',
  'base/base.c': '#include "base/base.h"\n#include "inner.h"\n#include <time.h>\nint64_t base_now(void) { return INNER; }\n',
  'base/inner.h': '#define INNER 7\n',
  'model/CMakeLists.txt': 'room(model PURE SOURCES model.c NEEDS base)\n',
  'model/model.h': '#ifndef MODEL_H\n#define MODEL_H\n#include "base/base.h"\nint64_t model_law(int64_t now_ms);\n#endif\n',
  'model/model.c': '#include "model/model.h"\nint64_t model_law(int64_t now_ms) { return now_ms + 1; }\n',
  'main/CMakeLists.txt': 'room_program(scratch ROOM main OUTPUT scratch SOURCES main.c NEEDS plan model base)\n',
  'main/main.c': '#include "plan/plan.h"\nint main(void) { return plan_do() == 0; }\n',
};
for (const [room, needs, pure] of [['loop', 'base', ''], ['store', 'model', ''], ['rpc', 'loop', ''], ['plan', 'model', 'PURE']]) {
  HOUSE[`${room}/CMakeLists.txt`] = `room(${room} ${pure} SOURCES ${room}.c NEEDS ${needs})\n`;
  HOUSE[`${room}/${room}.h`] = `#ifndef ${room.toUpperCase()}_H\n#define ${room.toUpperCase()}_H\nint ${room}_do(void);\n#endif\n`;
  HOUSE[`${room}/${room}.c`] = `#include "${room}/${room}.h"\n#include "${needs}/${needs}.h"\nint ${room}_do(void) { return 1; }\n`;
}
const including = (room, line) => ({ [`${room}/${room}.c`]: `${line}\n${HOUSE[`${room}/${room}.c`]}` });

const VIOLATIONS = [
  ['another room\'s private header', including('model', '#include "base/inner.h"'), /private header of room base/],
  ['another room\'s private header by its bare name', including('model', '#include "inner.h"'), /not a header of room model/],
  ['a room that is not in NEEDS', including('rpc', '#include "model/model.h"'), /room rpc does not NEED model/],
  ['a path that climbs', including('model', '#include "../base/inner.h"'), /climbs over a wall/],
  ['an absolute path', (folder) => including('model', `#include "${folder}/base/inner.h"`), /climbs over a wall/],
  ['a header no room has', including('model', '#include "base/deep/inner.h"'), /no room has such a header/],
  ['an include behind a macro', including('store', '#define H "base/base.h"\n#include H'), /cannot be read/],
  ['libevent out of loop', including('rpc', '#include <event2/event.h>'), /out of its home \(loop\)/],
  ['libpq out of store', including('rpc', '#include <libpq-fe.h>'), /out of its home \(store\)/],
  ['nghttp2 out of rpc', including('store', '#include <nghttp2/nghttp2.h>'), /out of its home \(rpc\)/],
  ['OpenSSL out of rpc', including('store', '#include <openssl/ssl.h>'), /out of its home \(rpc\)/],
  ['protobuf-c out of api', including('rpc', '#include <protobuf-c/protobuf-c.h>'), /out of its home \(proto\|api\)/],
  ['zlib out of its homes', including('model', '#include <zlib.h>'), /out of its home/],
  ['a library nobody has a home for', including('store', '#include <curl/curl.h>'), /foreign header without a home/],
  ['a foreign header in a public header', { 'rpc/rpc.h': `#include <libpq-fe.h>\n${HOUSE['rpc/rpc.h']}` }, /out of its home \(store\)/],
  ...['time', 'pthread', 'stdio', 'sys/socket', 'fcntl', 'unistd', 'poll', 'signal'].map(
    (name) => [`<${name}.h> in a pure room`, including('plan', `#include <${name}.h>`), /room plan is pure/]),
  ['a log line in a pure room', { 'plan/plan.c': `${HOUSE['plan/plan.c']}void log_info(const char *, ...);\nvoid f(void);\nvoid f(void) {\n    log_info("x");\n}\n` }, /neither logs nor reads the clock/],
  ['the clock in a pure room', { 'plan/plan.c': `${HOUSE['plan/plan.c']}long clock_now_ms(void);\nlong f(void);\nlong f(void) {\n    return clock_now_ms();\n}\n` }, /neither logs nor reads the clock/],
  ['a public header that does not compile alone', { 'store/store.h': '#ifndef STORE_H\n#define STORE_H\nint store_do(void);\nuint64_t store_id(void);\n#endif\n', 'store/store.c': `#include <stdint.h>\n${HOUSE['store/store.c']}` }, /store_alone\.c/],
  ['a cycle', { 'base/CMakeLists.txt': 'room(base SOURCES base.c NEEDS model)\n' }, /room base NEEDS model, which is not a room declared before it/],
  ['a NEEDS of a room that is no room', { 'rpc/CMakeLists.txt': 'room(rpc SOURCES rpc.c NEEDS loop cellar)\n' }, /NEEDS cellar, which is not a room/],
  ['a room declared twice', { 'rpc/CMakeLists.txt': `${HOUSE['rpc/CMakeLists.txt']}${HOUSE['rpc/CMakeLists.txt']}` }, /declared twice/],
  ['a program past its NEEDS', { 'main/main.c': `#include "store/store.h"\n${HOUSE['main/main.c']}` }, /room main does not NEED store/],
  ['a warning', { 'store/store.c': `${HOUSE['store/store.c']}int narrow(long x);\nint narrow(long x) { return x; }\n` }, /conversion/],
];

let folder;
const write = (changed) => {
  // a file written within the same tick of the file system's clock as the stamp of the build before it would look unchanged
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  for (const [name, content] of Object.entries(changed)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), content);
  }
};
/** Configure (again) and build everything that can be built. */
function build() {
  const binary = path.join(folder, 'build');
  const configure = spawnSync('cmake', ['-S', folder, '-B', binary, '-G', 'Ninja', `-DCMAKE_C_COMPILER=${cc}`, '-DCMAKE_BUILD_TYPE=Debug', '-Wno-dev'], { encoding: 'utf8' });
  let said = configure.stdout + configure.stderr;
  if (configure.status !== 0) return { ok: false, said };
  const ninja = spawnSync('cmake', ['--build', binary], { encoding: 'utf8' });
  said += ninja.stdout + ninja.stderr;
  return { ok: ninja.status === 0, said };
}
const folded = (said) => said.replace(/\s+/g, ' '); // cmake wraps its messages

before(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'meddispatch-walls-'));
  write(HOUSE);
  const { ok, said } = build();
  assert.ok(ok, `the house without a violation must build:\n${said}`);
});
after(() => rmSync(folder, { recursive: true, force: true }));

for (const [name, change, message] of VIOLATIONS) {
  test(`the build refuses ${name}`, () => {
    const changed = typeof change === 'function' ? change(folder) : change;
    write(changed);
    const { ok, said } = build();
    write(Object.fromEntries(Object.keys(changed).map((file) => [file, HOUSE[file]])));
    assert.ok(!ok, `this must not build: ${name}`);
    assert.match(folded(said), message);
  });
}

test('the same house without violations builds again', () => {
  const { ok, said } = build();
  assert.ok(ok, said);
});
