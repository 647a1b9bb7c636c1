import { expect, it } from 'vitest';
import { Server } from '../../lib/index.ts';
import { MemoryNetwork } from '../support/memory-transport.ts';

function server(): Server {
  return new Server({ logger: false, transport: new MemoryNetwork().serverTransport });
}

it.each([50051, '50051', ':50051'])('listen(%o) says how to write a port', async (address) => {
  const listening = server().listen(address as string);
  await expect(listening).rejects.toThrow(TypeError);
  await expect(listening).rejects.toThrow("'0.0.0.0:50051' or '127.0.0.1:50051'");
});

it.each([
  ...[undefined, null, '', {}, [], true, { port: 50051 }, Symbol('x')],
  ...['localhost', 'http://localhost:5', 'static:///a:1,b:2', 'etcd:///Order', '::1:5', 'unix:'],
])('listen(%o) says what it needs, and that it is listen() that needs it', async (address) => {
  const listening = server().listen(address as string);
  await expect(listening).rejects.toThrow(TypeError);
  await expect(listening).rejects.toThrow(/^listen\(\) needs one address, such as '0\.0\.0\.0:50051'/);
});

it('a name that is not known is named, with the address and what to do with it', async () => {
  await expect(server().listen('no.such.host.invalid:0')).rejects.toMatchObject({
    message: expect.stringMatching(
      /^cannot listen on no\.such\.host\.invalid:0: E[A-Z_]+ \(the name/,
    ) as string,
    code: expect.stringMatching(/^E/) as string,
  });
});

it.each([null, {}, 'etcd', 5, () => undefined])(
  'the registry %o is refused before it listens',
  async (registry) => {
    const listening = server().listen('10.0.0.9:0', { registry } as never);
    await expect(listening).rejects.toThrow(/registry must be a Registry/);
  },
);
