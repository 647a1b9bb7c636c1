import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { type Child, startChild } from '../support/child.ts';
import {
  catalogProto,
  emptyProject,
  filesIn,
  generated,
  protos,
  temporaryFolder,
  writeFiles,
} from '../support/generated.ts';
import { orderProto } from '../support/order.ts';

const soonMs = 20_000;

/** `rocket gen`, as it is compiled. */
function gen(...args: string[]): Promise<Child> {
  return startChild('../../../dist/lib/cli/main.js', ['gen', ...args]);
}

it('writes modules, and says which services they have', async () => {
  const out = path.join(temporaryFolder(), 'gen');
  const child = await gen(
    catalogProto,
    '--include',
    protos,
    '--out',
    out,
    '--int64',
    'string',
    '--dates',
    '--keep-case',
  );
  expect(await child.exit(soonMs), child.describe()).toEqual({ code: 0, signal: null });
  expect(child.errors).toBe('');
  expect(child.output).toBe(
    `${out}: 3 modules (6 of 6 files changed) with catalog.v1.Catalog, catalog.v1.Feed\n`,
  );
  const options = { int64: 'string', dates: true, keepCase: true } as const;
  expect(filesIn(out)).toEqual(new Map([...generated(catalogProto, options)].sort()));
});

it('its code runs in a project that has installed nothing but rocket-rpc', async () => {
  const folder = await emptyProject();
  const child = await gen(orderProto, '-o', path.join(folder, 'gen'));
  expect(await child.exit(soonMs), child.describe()).toEqual({ code: 0, signal: null });
  writeFiles(folder, [
    [
      'main.js',
      `import { Channel, createClient, Server } from 'rocket-rpc';
import { Order } from './gen/order.js';
const server = new Server();
server.addService(Order, { makeOrder: ({ goods, price }) => ({ orderId: goods + price }) });
const { address } = await server.listen('127.0.0.1:0');
const channel = new Channel(address);
const { orderId } = await createClient(Order, channel).makeOrder({ price: 100, goods: 'apple' });
console.log(orderId);
await channel.close();
await server.close();
`,
    ],
  ]);
  const { stdout } = await promisify(execFile)(process.execPath, ['main.js'], {
    cwd: folder,
    timeout: soonMs,
  });
  expect(stdout).toBe('apple100\n');
});

it('exit code 1 and file:line for a .proto that is wrong', async () => {
  const folder = temporaryFolder();
  writeFiles(folder, [['a.proto', 'syntax = "proto3";\n\nmessage A { Bee b = 1; }']]);
  const child = await gen(path.join(folder, 'a.proto'), '--out', path.join(folder, 'gen'));
  expect(await child.exit(soonMs), child.describe()).toEqual({ code: 1, signal: null });
  expect(child.output).toBe('');
  expect(child.errors).toMatch(/^\/.*\/a\.proto:3: no such Type or Enum 'Bee'.*\n$/);
});

it.each([
  [[orderProto], "required option '-o, --out <folder>' not specified"],
  [['--out', 'gen'], "missing required argument 'files'"],
  [
    [orderProto, '--out', 'gen', '--int64', 'long'],
    "argument 'long' is invalid. Allowed choices are bigint, string, number.",
  ],
  [[orderProto, '--out', 'gen', '--date'], "unknown option '--date'"],
])('exit code 2 for wrong arguments: %j', async (args, message) => {
  const child = await gen(...args);
  expect(await child.exit(soonMs), child.describe()).toEqual({ code: 2, signal: null });
  expect(child.output).toBe('');
  expect(child.errors).toContain(message);
});

it('--help teaches', async () => {
  const child = await gen('--help');
  expect(await child.exit(soonMs), child.describe()).toEqual({ code: 0, signal: null });
  expect(child.output).toContain('rocket gen proto/*.proto --out src/gen');
  expect(child.output).toContain('npm install --save-dev protobufjs-cli');
});
