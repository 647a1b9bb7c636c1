import { existsSync, mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Channel, Server } from '../../lib/index.ts';
import { openOrders, startOrderServer } from '../support/loopback.ts';

function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'rocket-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

async function serves(address: string, name: string) {
  const { server } = await startOrderServer(() => ({ orderId: name }), {}, address);
  expect(await openOrders(address).orders.makeOrder({})).toMatchObject({ orderId: name });
  return server;
}

describe('the file of a server that closes', () => {
  it('is left alone when another server has put its own there', async () => {
    const file = path.join(folder(), 'a.sock');
    const first = await serves(`unix:${file}`, 'first');
    rmSync(file);
    const second = await serves(`unix:${file}`, 'second');
    await first.close({ drainMs: 0 });
    expect(await openOrders(`unix:${file}`).orders.makeOrder({})).toMatchObject({ orderId: 'second' });
    await second.close({ drainMs: 0 });
    expect(existsSync(file)).toBe(false);
  });

  it('is left alone under another name', async () => {
    const here = folder();
    const file = path.join(here, 'a.sock');
    const server = await serves(`unix:${file}`, 'moved');
    renameSync(file, path.join(here, 'b.sock'));
    await server.close({ drainMs: 0 });
    expect(existsSync(path.join(here, 'b.sock'))).toBe(true);
  });

  it('is found again from another folder, when its path was relative', async () => {
    const before = process.cwd();
    const here = folder();
    // vitest runs tests in worker threads, where the folder of the process cannot be changed.
    const relative = path.relative(before, path.join(here, 'r.sock'));
    const server = await serves(`unix:${relative}`, 'relative');
    await server.close({ drainMs: 0 });
    expect(existsSync(path.join(here, 'r.sock'))).toBe(false);
  });
});

describe('an address of a Unix socket that cannot be had', () => {
  const nul = String.fromCharCode(0);
  it.each([
    [`unix:/tmp/a${nul}b.sock`, /NUL/],
    [`unix:${nul}a`, /NUL/],
    [`unix:@a${nul}b`, /NUL/],
    [`unix:@`, /abstract/],
    ['unix:', /1 to 107 bytes/],
    [`unix:/${'x'.repeat(107)}`, /1 to 107 bytes/],
    [`unix:/${'ä'.repeat(54)}`, /1 to 107 bytes/],
    ['unix://host/path', /absolute path/],
    [`127.0.0.1${nul}:80`, /one address/],
    [`local${nul}host:80`, /one address/],
    [`127.0.0.1:80${nul}`, /one address/],
  ])('is refused: %j', async (address, message) => {
    const server = new Server({ logger: false });
    await expect(server.listen(address)).rejects.toThrow(message);
    await expect(server.listen(address)).rejects.toThrow(TypeError);
    expect(() => new Channel(address)).toThrow(TypeError);
  });

  it('from a resolver leaves that endpoint out', async () => {
    const { address } = await startOrderServer(() => ({ orderId: 'good' }));
    for (const bad of [`unix:/tmp/a${nul}b.sock`, `127.0.0.1${nul}x:80`]) {
      const channel = new Channel('x:///y', {
        resolver: {
          start: ({ onEndpoints }) => {
            onEndpoints([
              { name: 'bad', addresses: [bad] },
              { name: 'good', addresses: [address] },
            ]);
          },
          refresh: () => undefined,
          close: () => undefined,
        },
      });
      expect(channel.stats().endpoints).toEqual(['good']);
      await channel.close();
    }
  });
});

describe('odd names', () => {
  it.each(['a b.sock', 'ä€😀.sock', '%00.sock', '?q#f', 'unix:x', '.hidden', '-', "it's", 'a\\b', 'a,b:1'])(
    'serve as others do: %j',
    async (name) => {
      const file = path.join(folder(), name);
      const server = await serves(`unix:${file}`, name);
      expect(existsSync(file)).toBe(true);
      await server.close({ drainMs: 0 });
      expect(existsSync(file)).toBe(false);
    },
  );

  it('of 107 bytes', async () => {
    const here = folder();
    const file = path.join(here, 'x'.repeat(107 - here.length - 1));
    await serves(`unix:${file}`, 'long');
  });
});

it('a stale socket is replaced, a link to one is not', async () => {
  const here = folder();
  const file = path.join(here, 'stale.sock');
  const gone = createServer().listen(file);
  await new Promise((resolve) => gone.once('listening', resolve));
  renameSync(file, `${file}.kept`);
  await new Promise((resolve) => gone.close(resolve));
  renameSync(`${file}.kept`, file);
  symlinkSync(file, path.join(here, 'link.sock'));
  await expect(startOrderServer(undefined, {}, `unix:${path.join(here, 'link.sock')}`)).rejects.toMatchObject(
    {
      code: 'EADDRINUSE',
    },
  );
  await serves(`unix:${file}`, 'fresh');
});

describe.runIf(process.platform === 'linux')('an abstract socket', () => {
  it('is served without a file', async () => {
    const name = `rocket-test-${process.pid}`;
    const { server, address } = await startOrderServer(
      ({ goods }) => ({ orderId: goods ?? '' }),
      {},
      `unix:@${name}`,
    );
    expect(address).toBe(`unix:@${name}`);
    expect(existsSync(`@${name}`)).toBe(false);
    expect(await openOrders(`unix:@${name}`).orders.makeOrder({ goods: 'x' })).toMatchObject({
      orderId: 'x',
    });
    await expect(startOrderServer(undefined, {}, `unix:@${name}`)).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
    await server.close({ drainMs: 0 });
    await serves(`unix:@${name}`, 'again');
  });

  it('a file whose name begins so: ./@name', async () => {
    const here = path.relative(process.cwd(), folder());
    await serves(`unix:${path.join(here, '@file')}`, 'file');
  });
});
