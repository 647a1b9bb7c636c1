import { firstValueFrom, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  RocketClient,
  type RocketClientOptions,
  RocketServer,
  type RocketServerOptions,
} from '../../lib/nestjs/index.ts';
import { describeTakers, isTrap, type KindOf, refusal } from '../support/option-takers.ts';
import { wrongTypes } from '../support/wrong-values.ts';
import { client, files } from './apps.ts';

/** With others that are right; what is no plain object is passed as it is. */
const withFiles = (options: unknown): never =>
  (Object.getPrototypeOf(Object(options)) === Object.prototype && Object(options) === options
    ? { ...files, ...(options as object) }
    : options) as never;

const of = {
  package: 'anything', // an empty string is a file without package
  protoPath: 'anything',
  loader: 'object',
  packageDefinition: 'object',
  url: 'text',
  maxReceiveMessageLength: 'number',
  maxMetadataSize: 'number',
  keepalive: 'object',
  maxBufferedMessages: 'number',
} as const;

describeTakers([
  {
    name: 'new RocketServer()',
    take: (options) => new RocketServer(withFiles(options)),
    options: {
      ...of,
      gracefulShutdown: 'boolean',
      drainMs: 'number',
      server: 'object',
      listen: 'object',
    } satisfies KindOf<RocketServerOptions>,
  },
  {
    name: 'new RocketClient()',
    take: (options) => new RocketClient(withFiles(options)),
    options: { ...of, channel: 'object' } satisfies KindOf<RocketClientOptions>,
  },
]);

describe('options inside of options', () => {
  it('may be inherited', () => {
    const options = { server: Object.create({ maxConnections: 5.5 }) as object };
    expect(() => new RocketServer(withFiles(options))).toThrow(/maxConnections/);
    expect(() => new RocketClient(withFiles({ channel: Object.create({ connections: -1 }) }))).toThrow(
      /connections/,
    );
  });
});

type Call = (...args: unknown[]) => Observable<unknown>;

describe('a call of a RocketClient', () => {
  const call = async (...args: unknown[]) => {
    const { echo } = client('rocket', '127.0.0.1:1').getService<{ echo: Call }>('Kinds');
    return refusal(() => firstValueFrom(echo({ text: '' }, ...args)));
  };

  it.each(wrongTypes.filter(([type]) => type !== 'undefined' && type !== 'null'))(
    'whose options are %s is refused',
    async (type, make) => {
      for (const args of [[make()], [undefined, make()]]) {
        const error = await call(...args);
        if (isTrap(type)) expect(error).toBeDefined();
        else expect(error).toBeInstanceOf(TypeError);
      }
    },
  );

  it.each(wrongTypes.filter(([type]) => type !== 'undefined'))(
    'with signal: %s is refused',
    async (type, make) => {
      const error = await call({ signal: make() });
      if (isTrap(type)) expect(error).toBeDefined();
      else expect(String(error)).toMatch(/TypeError: signal must be an AbortSignal/);
    },
  );

  it.each(wrongTypes.filter(([type]) => !/^(a|an async) function$|^a class$/.test(type)))(
    'on() with %s is refused',
    (_type, make) => {
      expect(() => new RocketServer(files).on('closed', make() as never)).toThrow(/takes a function/);
      const made = new RocketClient(files);
      expect(() => made.on('closed', make() as never)).toThrow(/takes a function/);
      void made.close();
    },
  );
});
