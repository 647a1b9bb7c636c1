import { lastValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { Server } from '../../lib/index.ts';
import { RocketClient, RocketServer } from '../../lib/nestjs/index.ts';
import { client, files, serve } from './apps.ts';
import { CarelessModule, careless, type Kinds, wait } from './careless.ts';

describe('the life of an application', () => {
  it('is in status, and closing ends what never ends', async () => {
    const { url, app } = await serve('rocket', { drainMs: 50 }, CarelessModule);
    const states: string[] = [];
    app.status.subscribe((status) => states.push(status));
    app.on('closed' as never, (() => states.push('told')) as never);
    expect(app.unwrap<Server>()).toBeInstanceOf(Server);
    const made = client('rocket', url) as RocketClient;
    await made.connect();
    const seen: string[] = [];
    made.status.subscribe((state) => seen.push(state));
    await wait(() => seen.includes('ready'), 'ready');
    const { silent } = made.getService<Kinds>('Kinds');
    const pending = lastValueFrom(silent({ text: '' })).catch((error: unknown) => error);
    await wait(() => app.unwrap<Server>().stats().handlersRunning === 1, 'a call');
    await app.close();
    expect(states).toEqual(['listening', 'closing', 'closed', 'told']);
    expect(await pending).toMatchObject({ code: 14 });
    const other = new RocketServer(files);
    expect(() => other.on('ready' as 'closed', () => undefined)).toThrow(/listening, closing, closed/);
    await made.close();
    await wait(() => seen.at(-1) === 'closed', 'closed');
  });

  it('runs within the hooks of instrumentation', async () => {
    const { url, app } = await serve('rocket');
    const seen: string[] = [];
    // As NestJS's container does.
    const strategy = (app as unknown as { serverInstance: RocketServer }).serverInstance;
    strategy.setOnProcessingStartHook((_id, context, done) => {
      seen.push(`start ${(context as { operationId: string }).operationId}`);
      void done();
    });
    strategy.setOnProcessingEndHook(() => seen.push('end'));
    const { echo, flood } = client('rocket', url).getService<Kinds>('Kinds');
    await lastValueFrom(echo({ text: 'a' }));
    await lastValueFrom(flood({ text: 'a', number: 2 }));
    expect(seen).toEqual(['start Echo', 'end', 'start Flood', 'end']);
  });

  it('ends the hooks of a call whose caller left before there were replies', async () => {
    const { url, app } = await serve('rocket', {}, CarelessModule);
    const seen: string[] = [];
    const strategy = (app as unknown as { serverInstance: RocketServer }).serverInstance;
    strategy.setOnProcessingStartHook((_id, _context, done) => {
      seen.push('start');
      void done();
    });
    strategy.setOnProcessingEndHook(() => seen.push('end'));
    careless.lines.length = 0;
    const { count } = client('rocket', url).getService<Kinds>('Kinds');
    const replies = count({ text: '' }).subscribe();
    await wait(() => careless.lines.length > 0, 'the call');
    expect(seen).toEqual(['start']);
    replies.unsubscribe();
    await wait(() => seen.length > 1, 'its end');
    expect(seen).toEqual(['start', 'end']);
  });

  it('does not begin on an address that is taken', async () => {
    const { url } = await serve('rocket');
    await expect(serve('rocket', { url })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});

describe('options', () => {
  const { package: name, protoPath } = files;
  it.each([
    [{ protoPath }, /package/],
    [
      { package: 'none', protoPath },
      /package "none" has no service; the services of the files are test\.kinds/,
    ],
    [{ package: name }, /protoPath or packageDefinition, and neither/],
    [{ package: name, protoPath, packageDefinition: {} }, /not both/],
    [{ package: name, packageDefinition: {}, loader: {} }, /loader belongs to protoPath/],
    [{ ...files, credentials: {} }, /credentials is an option of Nest's own transport: .*tls/],
    [{ ...files, channelOptions: {} }, /channelOptions .*docs\/operations\.md/],
    [{ ...files, onLoadPackageDefinition: () => undefined }, /reflection/],
    [{ ...files, maxBufferedMessages: 0 }, /maxBufferedMessages/],
    [{ ...files, keepalive: { keepaliveTimeMs: 'x' } }, /keepalive\.keepaliveTimeMs/],
    [{ ...files, keepalive: { http2MaxPingStrikes: 1 } }, /http2MaxPingStrikes/],
    [
      { ...files, keepalive: { keepalivePermitWithoutCalls: 2 } },
      /keepalivePermitWithoutCalls is 0, 1 or a boolean/,
    ],
    [{ ...files, maxMetadataSize: 5 }, /maxMetadataSize must be a whole number from 1024/],
    [{ ...files, maxReceiveMessageLength: -1 }, /maxReceiveMessageLength must be a whole number from 64/],
    [{ ...files, urls: 'x' }, /urls.*url/],
    [undefined, /takes an object of options, not undefined/],
  ])('%o are refused', (options, message) => {
    expect(() => new RocketServer(options as never)).toThrow(message);
    expect(() => new RocketClient(options as never)).toThrow(message);
  });

  it('of proto-loader are taken with its own definition', async () => {
    const { loadSync } = await import('@grpc/proto-loader');
    const packageDefinition = loadSync(protoPath);
    const server = new RocketServer({ package: name, packageDefinition, url: '127.0.0.1:0' });
    const made = new RocketClient({ package: [name], packageDefinition });
    expect(Object.keys(made.getService<object>('Scoped'))).toEqual(['Echo', 'echo']);
    await made.close();
    await server.close();
  });
});
