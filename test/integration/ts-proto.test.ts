import path from 'node:path';
import { createChannel, createClient as createNiceClient } from 'nice-grpc';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  type AnyService,
  Channel,
  createClient,
  type GenericServiceDefinition,
  RpcError,
  Server,
} from '../../lib/index.ts';
import { importTsProto } from '../support/ts-proto.ts';

vi.setConfig({ testTimeout: 60_000 });

const folder = path.resolve('examples/route-guide');
const generic = 'outputServices=nice-grpc,outputServices=generic-definitions';

interface Point {
  readonly latitude: number;
  readonly longitude: number;
}

/** Handlers that leave out fields, as ts-proto's fromPartial() allows. */
const handlers = {
  getFeature: (point: Point) => {
    if (point.latitude < 0) throw new RpcError('NOT_FOUND', 'no such point');
    return { name: `at ${point.latitude}`, location: point };
  },
  async *listFeatures({ lo, hi }: { lo?: Point; hi?: Point }) {
    for (let latitude = lo!.latitude; latitude <= hi!.latitude; latitude++) yield { location: { latitude } };
  },
  async recordRoute(points: AsyncIterable<Point>) {
    let pointCount = 0;
    for await (const _ of points) pointCount++;
    return { pointCount };
  },
  async *routeChat(notes: AsyncIterable<{ message: string }>) {
    for await (const { message } of notes) yield { message: message.toUpperCase() };
  },
};

async function start(service: unknown, options = {}): Promise<string> {
  const server = new Server(options);
  onTestFinished(() => server.close({ drainMs: 0 }));
  server.addService(service as AnyService, handlers as never);
  return (await server.listen('127.0.0.1:0')).address;
}

interface RouteGuide {
  getFeature(point: Partial<Point>): Promise<{ name: string; location?: Point }>;
  listFeatures(rectangle: object): AsyncIterable<{ name: string; location?: Point }>;
  recordRoute(points: AsyncIterable<Partial<Point>>): Promise<{ pointCount: number; distance: number }>;
  routeChat(notes: AsyncIterable<object>): AsyncIterable<{ message: string; location?: Point }>;
}

async function* several<T>(...values: T[]): AsyncGenerator<T> {
  yield* values;
}

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const value of values) found.push(value);
  return found;
}

describe.each([
  ['its defaults', ''],
  ['useExactTypes=false, snakeToCamel=false', ',useExactTypes=false,snakeToCamel=false'],
  ['no fromPartial()', ',outputPartialMethods=false'],
])('a generic definition of ts-proto with %s', (_name, parameter) => {
  it('serves methods of all kinds to nice-grpc, which takes the same definition', async () => {
    const { RouteGuideDefinition } = await importTsProto('route_guide.proto', folder, generic + parameter);
    const whole = parameter.includes('Partial');
    const address = await start(RouteGuideDefinition);
    const channel = createChannel(address);
    onTestFinished(() => channel.close());
    const client = createNiceClient(RouteGuideDefinition as never, channel) as unknown as RouteGuide;
    expect(await client.getFeature({ latitude: 5, longitude: 0 })).toEqual({
      name: 'at 5',
      location: { latitude: 5, longitude: 0 },
    });
    await expect(client.getFeature({ latitude: -1, longitude: 0 })).rejects.toMatchObject({ code: 5 });
    if (whole) return;
    const rectangle = { lo: { latitude: 1, longitude: 0 }, hi: { latitude: 3, longitude: 0 } };
    const listed = await all(client.listFeatures(rectangle));
    expect(listed.map(({ location }) => location?.latitude)).toEqual([1, 2, 3]);
    expect(await client.recordRoute(several({ latitude: 1 }, { latitude: 2 }))).toMatchObject({
      [parameter.includes('snake') ? 'point_count' : 'pointCount']: parameter.includes('snake') ? 0 : 2,
    });
    const notes = await all(client.routeChat(several({ message: 'a' }, { message: 'b' })));
    expect(notes.map(({ message }) => message)).toEqual(['A', 'B']);
  });
});

describe('definitions of ts-proto', () => {
  it('are called by a channel, with fields left out', async () => {
    const { RouteGuideDefinition } = await importTsProto('route_guide.proto', folder, generic);
    const address = await start(RouteGuideDefinition);
    const channel = new Channel(address);
    onTestFinished(() => channel.close({ drainMs: 0 }));
    const client = createClient(RouteGuideDefinition as AnyService, channel) as unknown as RouteGuide;
    expect(await client.getFeature({ latitude: 7 })).toEqual({
      name: 'at 7',
      location: { latitude: 7, longitude: 0 },
    });
    for (const wrong of ['x', 5, null, undefined, [], new Uint8Array(2), new Map(), () => 1])
      await expect(client.getFeature(wrong as never)).rejects.toThrow(/an object is needed as a message/);
  });

  it('of nice-grpc and grpc-js serve, too', async () => {
    const { RouteGuideService } = await importTsProto('route_guide.proto', folder, 'outputServices=grpc-js');
    const address = await start(RouteGuideService);
    const channel = createChannel(address);
    onTestFinished(() => channel.close());
    const client = createNiceClient(RouteGuideService as never, channel) as unknown as RouteGuide;
    expect(await client.getFeature({ latitude: 5, longitude: 0 })).toMatchObject({ name: 'at 5' });
  });

  it('are named by reflection', async () => {
    const { RouteGuideDefinition } = await importTsProto('route_guide.proto', folder, generic);
    await expect(start(RouteGuideDefinition, { reflection: true })).resolves.toMatch(/:/);
  });
});

const type = { encode: () => ({ finish: () => new Uint8Array() }), decode: () => ({}) };
const method = {
  name: 'Ask',
  requestType: type,
  requestStream: false,
  responseType: type,
  responseStream: false,
};

describe('a generic definition that is wrong', () => {
  it.each([
    [
      'fullName',
      { name: 'A', fullName: 'x.B', methods: {} },
      /"x\.B": the fullName of a service ends in its name, "A"/,
    ],
    ['a method', { methods: { ask: null } }, /x\.A\.ask: a method has a name/],
    ['a name', { methods: { ask: { ...method, name: 'a/b' } } }, /x\.A\.ask: a method has a name/],
    ['a request type', { methods: { ask: { ...method, requestType: undefined } } }, /x\.A\.ask\.requestType/],
    [
      'a type without decode()',
      { methods: { ask: { ...method, responseType: { encode: type.encode } } } },
      /x\.A\.ask\.responseType.*decode/,
    ],
    [
      'a flag',
      { methods: { ask: { ...method, requestStream: 'yes' } } },
      /x\.A\.ask\.requestStream is true or false, not "yes"/,
    ],
    [
      'fromPartial',
      { methods: { ask: { ...method, requestType: { ...type, fromPartial: 5 } } } },
      /requestType\.fromPartial is a function, not 5/,
    ],
  ])('is a TypeError: %s', (_name, given, message) => {
    const service = { name: 'A', fullName: 'x.A', ...given } as unknown as GenericServiceDefinition;
    const add = () => new Server().addService(service, { ask: () => ({}) } as never);
    expect(add).toThrow(TypeError);
    expect(add).toThrow(message);
  });

  it('fails the call when its type makes no bytes', async () => {
    const bad = { ...type, encode: () => ({ finish: () => 'text' }) };
    const service = { name: 'A', fullName: 'x.A', methods: { ask: { ...method, requestType: bad } } };
    const channel = new Channel('127.0.0.1:1');
    onTestFinished(() => channel.close({ drainMs: 0 }));
    const client = createClient(service as unknown as GenericServiceDefinition, channel) as unknown as {
      ask(value: object): Promise<unknown>;
    };
    await expect(client.ask({})).rejects.toThrow(/a serializer returns a Buffer or a Uint8Array, not string/);
  });
});
