/** Compiled by `npm run types`, never run: a definition as ts-proto makes it (outputServices=generic-definitions). */
import { type Channel, createClient, type Handlers, type Server } from '../../lib/index.ts';

interface Point {
  latitude: number;
  at?: Date | undefined;
}

interface Feature {
  name: string;
  location: Point | undefined;
  tags: string[];
}

type DeepPartial<T> = T extends Date | string | number | undefined
  ? T
  : T extends (infer U)[]
    ? DeepPartial<U>[]
    : { [K in keyof T]?: DeepPartial<T[K]> };
type Exact<P, I extends P> = P & { [K in keyof P]: P[K] } & { [K in Exclude<keyof I, keyof P>]: never };

interface BinaryWriter {
  finish(): Uint8Array;
}
interface BinaryReader {
  readonly pos: number;
}

interface MessageFns<T> {
  encode(message: T, writer?: BinaryWriter): BinaryWriter;
  decode(input: BinaryReader | Uint8Array, length?: number): T;
  fromJSON(object: unknown): T;
  create<I extends Exact<DeepPartial<T>, I>>(base?: I): T;
  fromPartial<I extends Exact<DeepPartial<T>, I>>(object: I): T;
}

declare const Point: MessageFns<Point>;
declare const Feature: MessageFns<Feature>;
/** With outputPartialMethods=false. */
declare const Whole: { encode(message: Feature): BinaryWriter; decode(input: Uint8Array): Feature };

const definition = {
  name: 'RouteGuide',
  fullName: 'routeguide.RouteGuide',
  methods: {
    getFeature: {
      name: 'GetFeature',
      requestType: Point as typeof Point,
      requestStream: false,
      responseType: Feature as typeof Feature,
      responseStream: false,
      options: {},
    },
    listFeatures: {
      name: 'ListFeatures',
      requestType: Point as typeof Point,
      requestStream: false,
      responseType: Feature as typeof Feature,
      responseStream: true,
      options: {},
    },
    recordRoute: {
      name: 'RecordRoute',
      requestType: Point as typeof Point,
      requestStream: true,
      responseType: Whole as typeof Whole,
      responseStream: false,
      options: {},
    },
    routeChat: {
      name: 'RouteChat',
      requestType: Point as typeof Point,
      requestStream: true,
      responseType: Feature as typeof Feature,
      responseStream: true,
      options: {},
    },
  },
} as const;

export async function calls(channel: Channel): Promise<void> {
  const routes = createClient(definition, channel);
  const { name, tags }: Feature = await routes.getFeature({ latitude: 1 }, { timeoutMs: 5 });
  void [name, tags];
  await routes.getFeature({});
  for await (const feature of routes.listFeatures({}))
    feature.location?.latitude satisfies number | undefined;
  (await routes.recordRoute([{ latitude: 1 }])).name satisfies string;
  for await (const feature of routes.routeChat([{}])) feature.name satisfies string;

  // @ts-expect-error a field of another type
  await routes.getFeature({ latitude: 'x' });
  // @ts-expect-error a method there is not
  await routes.cancel({});
}

export function handlers(server: Server): void {
  server.addService(definition, {
    getFeature: ({ latitude }) => ({ name: `${latitude}`, location: { latitude } }),
    async *listFeatures({ at }) {
      yield { tags: [at?.toISOString() ?? ''] };
    },
    async recordRoute(points) {
      for await (const { latitude } of points) latitude satisfies number;
      return { name: '', location: undefined, tags: [] };
    },
    async *routeChat(points) {
      for await (const { latitude } of points) yield { location: { latitude } };
    },
  });

  const good: Omit<Handlers<typeof definition>, 'getFeature'> = {
    listFeatures: () => [{}],
    recordRoute: () => ({ name: '', location: undefined, tags: [] }),
    routeChat: () => [{ name: 'x' }],
  };
  void good;
  server.addService(definition, {
    ...good,
    // @ts-expect-error a reply of another type
    getFeature: () => ({ name: 5 }),
  });
  server.addService(definition, {
    ...good,
    getFeature: () => ({}),
    // @ts-expect-error without fromPartial() a message is whole
    recordRoute: () => ({ name: '' }),
  });
}
