import { expect, test } from 'vitest';
import { shortJsName } from '../../lib/cli/flame/js-symbol.ts';

test.each([
  ['JS:*makeOrder file:///app/server.ts:12:3', 'makeOrder server.ts:12 *'],
  ['JS:~makeOrder /app/server.js:12:3', 'makeOrder server.js:12 ~'],
  [
    'JS:^runMicrotask node:internal/process/task_queues:136:15',
    'runMicrotask node:internal/process/task_queues:136 ^',
  ],
  ['JS:+get size file:///app/a%20b/list.ts:3:1', 'get size list.ts:3 +'],
  ['JS:*place /my folder/with spaces.js:7:1', 'place with spaces.js:7 *'],
  ['JS:*place file:///app/server.ts?v=1:7:1', 'place server.ts:7 *'],
  ['JS:~ file:///app/server.ts:9:21', '(anonymous) server.ts:9:21 ~'],
  ["JS:*'placeOrder file:///app/server.mjs:5:1", 'placeOrder server.mjs:5 *'],
  ['JS:o+placeOrder file:///app/server.mjs:5:1', 'placeOrder server.mjs:5 +'],
  ['JS:onError file:///app/server.mjs:5:1', 'onError server.mjs:5'],
  ['JS:* :3:17', '(anonymous) (generated):3:17 *'],
  ['JS:*decode :3:17', 'decode (generated):3 *'],
  ['JS:*#dispatch file:///app/boundary.ts:1:1545', '#dispatch boundary.ts *'],
  ['Eval:~ /app/node_modules/protobufjs/index.js:1:1', '(anonymous) protobufjs/index.js:1:1 ~'],
  ['LazyCompile:*old /app/old.js:5:1', 'old old.js:5 *'],
  ['JS:f', 'f'],
  ['JS:', '(anonymous)'],
  [
    'JS:~Module._extensions..js node:internal/modules/cjs/loader:1604:37',
    'Module._extensions..js node:internal/modules/cjs/loader:1604 ~',
  ],
  [
    'JS:*onRequest file:///app/node_modules/rocket-rpc/dist/lib/rpc/server.js:163:12',
    'rocket-rpc: onRequest server.js:163 *',
  ],
  [
    'JS:~ /app/node_modules/.pnpm/rocket-rpc@1.0.0/node_modules/rocket-rpc/dist/lib/rpc/server.js:9:21',
    'rocket-rpc: (anonymous) server.js:9:21 ~',
  ],
  [
    `JS:*onRequest ${new URL('../../lib/rpc/server.ts', import.meta.url).href}:1:12`,
    'rocket-rpc: onRequest server.ts *',
  ],
  ['JS:*onRequest file:///app/server.js:163:12', 'onRequest server.js:163 *'],
  ['JS:*makeOrder file:///app/rocket-rpc/server.js:3:12', 'makeOrder server.js:3 *'],
])('%s becomes %s', (symbol, shown) => {
  expect(shortJsName(symbol)).toBe(shown);
});

test.each(['Builtins_JSEntry', 'rocket::io::Connection::read_loop', 'RegExp:JS:x', '[unknown]', ''])(
  '%s is no JavaScript function',
  (symbol) => {
    expect(shortJsName(symbol)).toBeUndefined();
  },
);
