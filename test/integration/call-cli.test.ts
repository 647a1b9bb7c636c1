/** `rocket call`, as it is compiled, on servers of both protocols. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type CallContext, loadProto, RpcError, Server, type ServerOptions } from '../../lib/index.ts';
import { builtPackage, type Child, startChild } from '../support/child.ts';
import { blocksOf } from '../support/docs/blocks.ts';
import { Spawned } from '../support/spawned.ts';
import { until } from '../support/waits.ts';

const soonMs = 15_000;
const proto = path.resolve('test/support/protos/json.proto');

interface All {
  readonly int: number;
  readonly text: string;
}

/** What the handlers of a server have seen. */
class Seen {
  readonly metadata: [string, string | Uint8Array][] = [];
  requests = 0;
  cancelled = 0;

  begin(context: CallContext): void {
    this.metadata.push(...context.metadata);
    context.signal.addEventListener('abort', () => this.cancelled++);
  }
}

async function startServer(
  options: ServerOptions = {},
): Promise<{ readonly address: string; readonly seen: Seen }> {
  const { Json } = loadProto(proto);
  const seen = new Seen();
  const server = new Server({ logger: false, reflection: options.protocols === undefined, ...options });
  onTestFinished(() => server.close({ drainMs: 0 }));
  server.addService(Json!, {
    echo(request: All, context: CallContext) {
      seen.begin(context);
      if (request.text === 'refused')
        throw new RpcError('NOT_FOUND', 'no such \u001b[31mtext', {
          details: [{ type: 'ErrorInfo', reason: 'GONE', domain: 'json', metadata: { a: 'b' } }],
        });
      if (request.text === 'own') throw new RpcError('UNKNOWN', 'own error', { wireCode: 4711 });
      if (request.text === 'never') return new Promise(() => undefined);
      return request;
    },
    async collect(requests: AsyncIterable<All>, context: CallContext) {
      seen.begin(context);
      let int = 0;
      for await (const request of requests) {
        seen.requests++;
        int += request.int;
      }
      return { int };
    },
    async *spread({ int }: All, context: CallContext) {
      seen.begin(context);
      for (let i = 0; int === 0 || i < int; i++) yield { int: i };
      if (int === 2) throw new RpcError('ABORTED', 'after two');
    },
    async *chat(requests: AsyncIterable<All>, context: CallContext) {
      seen.begin(context);
      for await (const { text } of requests) {
        if (text === 'bye') return;
        yield { text: `re ${text}` };
      }
    },
  } as never);
  const { address } = await server.listen('127.0.0.1:0');
  return { address, seen };
}

const call = (...args: readonly string[]): Promise<Child> =>
  startChild('../../../dist/lib/cli/main.js', ['call', ...args]);

interface Outcome {
  readonly code: number | null;
  readonly lines: readonly string[];
  readonly errors: string;
}

/** Its outcome, with this input. */
async function outcomeOf(args: readonly string[], input?: string): Promise<Outcome> {
  const child = await call(...args);
  if (input !== undefined) child.endInput(input);
  const { code } = await child.exit(soonMs);
  return { code, lines: child.output.split('\n').slice(0, -1), errors: child.errors };
}

async function linesOf(args: readonly string[], input?: string): Promise<readonly string[]> {
  const { code, lines, errors } = await outcomeOf(args, input);
  expect({ code, errors }).toEqual({ code: 0, errors: '' });
  return lines;
}

beforeAll(() => builtPackage(), 60_000);

describe('by reflection', () => {
  it('lists services, and methods', async () => {
    const { address } = await startServer();
    expect(await linesOf([address, 'list'])).toContain('json.v1.Json');
    expect(await linesOf([address, 'list', 'json.v1.Json'])).toEqual([
      'json.v1.Json/Echo',
      'json.v1.Json/Collect',
      'json.v1.Json/Spread',
      'json.v1.Json/Chat',
    ]);
  });

  it.each([
    ['Json', 'json.v1.Json is a service:', '  rpc Collect(stream json.v1.All) returns (json.v1.All);'],
    [
      'json.v1.Json/Chat',
      'json.v1.Json.Chat is a method:',
      'rpc Chat(stream json.v1.All) returns (stream json.v1.All);',
    ],
    [
      '.json.v1.All',
      'json.v1.All is a message:',
      '  int32 int = 1;',
      '  map<int64, json.v1.Colour> colours = 14;',
      '  oneof choice {',
      '    string left = 15;',
      '  optional int32 maybe = 17;',
      '  google.protobuf.Timestamp time = 18;',
      '  string named = 31 [json_name = "otherName"];',
    ],
    ['json.v1.All.longs', 'json.v1.All.longs is a field:', 'repeated int64 longs = 12;'],
    ['json.v1.All.choice', 'json.v1.All.choice is a oneof:', 'oneof choice {'],
    ['json.v1.Colour', 'json.v1.Colour is an enum:', '  COLOUR_RED = 1;'],
    ['json.v1.COLOUR_RED', 'json.v1.Colour.COLOUR_RED is a value of an enum:', 'COLOUR_RED = 1;'],
    ['google.protobuf.Any', 'google.protobuf.Any is a message:', '  string type_url = 1;'],
    ['', 'json.v1.Json is a service:', 'grpc.health.v1.Health is a service:'],
  ])('describes %s', async (symbol, ...said) => {
    const { address } = await startServer();
    const lines = await linesOf([address, 'describe', ...(symbol === '' ? [] : [symbol])]);
    for (const line of said) expect(lines).toContain(line);
  });

  it.each(['json.v1.Json/Echo', '/json.v1.Json/Echo', 'json.v1.Json.Echo', 'Json/echo'])(
    'calls %s',
    async (method) => {
      const { address } = await startServer();
      expect(await linesOf([address, method, '--data', '{"long":9007199254740993}'])).toEqual([
        '{"long":"9007199254740993"}',
      ]);
    },
  );

  it.each(['grpc', 'tinypb'])('calls by %s', async (protocol) => {
    const { address, seen } = await startServer();
    const data = ['--data', '{"text":"a","raw":"AQI"}', '--metadata', 'a=b=c', '--metadata', 'k-bin=AQI='];
    expect(await linesOf([address, 'Json/Echo', '--protocol', protocol, ...data])).toEqual([
      '{"text":"a","raw":"AQI="}',
    ]);
    expect(seen.metadata).toContainEqual(['a', 'b=c']);
    expect(seen.metadata).toContainEqual(['k-bin', Uint8Array.from([1, 2])]);
  });

  it('says what there is where a name is wrong', async () => {
    const { address } = await startServer();
    for (const [args, said] of [
      [['Jsn/Echo'], 'there is no service Jsn; is json.v1.Json meant?'],
      [['Json/Eco'], 'there is no method of json.v1.Json Eco; is Echo meant?'],
      [['list', 'json.v1.All'], 'json.v1.All is not a service'],
      [['describe', 'nothing'], 'there is no symbol nothing'],
    ] as const) {
      const { code, errors, lines } = await outcomeOf([address, ...args]);
      expect(errors).toBe(`rocket call: ${errors.slice(13)}`);
      expect(errors).toContain(said);
      expect({ code, lines }).toEqual({ code: 2, lines: [] });
    }
  });

  it('says so where there is no reflection', async () => {
    const { address } = await startServer({ reflection: false });
    const { code, errors } = await outcomeOf([address, 'list']);
    expect(errors).toMatch(
      /^rocket call: UNIMPLEMENTED: .*; the server has no reflection, so give --proto\n$/,
    );
    expect(code).toBe(76);
  });

  it('says so where there is no gRPC', async () => {
    const { address } = await startServer({ protocols: ['tinypb'] });
    const { code, errors } = await outcomeOf([address, 'list']);
    expect(errors).toMatch(
      /^rocket call: UNAVAILABLE: .*; without gRPC there is no reflection, so give --proto\n$/,
    );
    expect(code).toBe(78);
  });
});

describe('by a .proto', () => {
  it.each([
    ['both protocols', undefined],
    ['gRPC', ['grpc']],
    ['TinyPB', ['tinypb']],
  ] as const)('calls a server of %s, without being told', async (_what, protocols) => {
    const { address } = await startServer({
      reflection: false,
      ...(protocols === undefined ? {} : { protocols }),
    });
    const args = ['--proto', proto, '--data', '{"int":7}', '--emit-defaults'];
    const [line = ''] = await linesOf([address, 'Json/Echo', ...args]);
    expect(JSON.parse(line)).toMatchObject({ int: 7, text: '', longs: [] });
  });

  it('finds imports in --proto-path, and several files', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'rocket-call-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(path.join(folder, 'a.proto'), 'syntax = "proto3"; package a; message M { int32 i = 1; }');
    const rest = 'service S { rpc One(a.M) returns (a.M); }';
    writeFileSync(path.join(folder, 'b.proto'), `syntax = "proto3"; import "a.proto"; ${rest}`);
    const named = ['--proto', 'b.proto', '--proto', 'a.proto', '--proto-path', folder];
    expect(await linesOf(['127.0.0.1:1', 'list', ...named])).toEqual(['S']);
    expect(await linesOf(['127.0.0.1:1', 'describe', 'a.M', ...named])).toContain('  int32 i = 1;');
  });

  it.each(['unix:', 'static:///', 'dns:///', 'grpc://', 'grpc:///dns:'])(
    'takes a target of %s',
    async (scheme) => {
      const { Json } = loadProto(proto);
      const server = new Server({ logger: false });
      onTestFinished(() => server.close({ drainMs: 0 }));
      server.addService(Json!, {
        echo: (request: All) => request,
        collect: nothing,
        spread: nothing,
        chat: nothing,
      } as never);
      const folder = mkdtempSync(path.join(tmpdir(), 'rocket-call-'));
      onTestFinished(() => rmSync(folder, { recursive: true }));
      const isUnix = scheme === 'unix:';
      const { address, port } = await server.listen(isUnix ? `unix:${folder}/socket` : '127.0.0.1:0');
      const target = isUnix ? address : `${scheme}localhost:${port}`;
      expect(await linesOf([target, 'Json/Echo', '--proto', proto, '-d', '{"int":1}'])).toEqual([
        '{"int":1}',
      ]);
    },
  );
});

const nothing = (): never => {
  throw new RpcError('UNIMPLEMENTED', 'nothing');
};

describe('streams', () => {
  it('sends what stdin has, a line each or not', async () => {
    const { address, seen } = await startServer();
    const input = '{"int":1}\n{"int":2}{\n"int":\n3}\n\n';
    expect(await linesOf([address, 'Json/Collect', '--data', '@-'], input)).toEqual(['{"int":6}']);
    expect(seen.requests).toBe(3);
  });

  it('sends what a file has, or the option itself, or nothing', async () => {
    const { address } = await startServer();
    const folder = mkdtempSync(path.join(tmpdir(), 'rocket-call-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = path.join(folder, 'points.json');
    writeFileSync(file, '\ufeff{"int":1}\n'.repeat(1000).replaceAll('\n\ufeff', '\n'));
    expect(await linesOf([address, 'Json/Collect', '-d', `@${file}`])).toEqual(['{"int":1000}']);
    expect(await linesOf([address, 'Json/Collect', '-d', '{"int":4} {"int":5}'])).toEqual(['{"int":9}']);
    expect(await linesOf([address, 'Json/Collect'])).toEqual(['{}']);
  });

  it('prints each reply on a line', async () => {
    const { address } = await startServer();
    expect(await linesOf([address, 'Json/Spread', '-d', '{"int":3}'])).toEqual([
      '{}',
      '{"int":1}',
      '{"int":2}',
    ]);
  });

  it('prints replies as they come, before the next request', async () => {
    const { address } = await startServer();
    const child = await call(address, 'Json/Chat', '--data', '@-');
    child.tell('{"text":"a"}');
    await child.said('{"text":"re a"}', soonMs);
    child.tell('{"text":"b"}');
    await child.said('{"text":"re b"}', soonMs);
    child.endInput();
    expect(await child.exit(soonMs), child.describe()).toEqual({ code: 0, signal: null });
    expect(child.errors).toBe('');
  });

  it('prints the replies before a failure', async () => {
    const { address } = await startServer();
    const { code, lines, errors } = await outcomeOf([address, 'Json/Spread', '-d', '{"int":2}']);
    expect({ code, lines, errors }).toEqual({
      code: 74,
      lines: ['{}', '{"int":1}'],
      errors: 'rocket call: ABORTED: after two\n',
    });
  });

  it('is not made by TinyPB', async () => {
    const { address } = await startServer();
    const { code, errors } = await outcomeOf([address, 'Json/Chat', '--protocol', 'tinypb']);
    expect(errors).toBe(
      'rocket call: --protocol tinypb: json.v1.Json.Chat streams, which TinyPB cannot carry\n',
    );
    expect(code).toBe(2);
  });

  it.each([
    ['a server that ends', 'Json/Chat', 0],
    ['a method that is not there', 'Json/Nothing', 2],
  ])('ends with %s, though stdin goes on', async (_what, method, code) => {
    const { address } = await startServer();
    const child = await call(address, method, '--data', '@-');
    child.tell('{"text":"bye"}');
    expect((await child.exit(soonMs)).code).toBe(code);
    expect(child.output).toBe('');
    expect(child.errors === '').toBe(code === 0);
  });

  it('ends at a request that is wrong, names its line, and cancels the call', async () => {
    const { address, seen } = await startServer();
    const { code, lines, errors } = await outcomeOf(
      [address, 'Json/Chat', '--data', '@-'],
      '{"text":"a"}\n\n{"text":1}\n{}',
    );
    expect(errors).toBe('rocket call: --data: line 3: text: a string is needed, not 1\n');
    expect(code).toBe(2);
    expect(lines.length).toBeLessThan(2);
    if (seen.metadata.length > 0)
      await until(() => seen.cancelled === 1, { deadlineMs: soonMs, what: 'the call to end' });
  });

  it('ends quietly with its reader, and cancels the call', async () => {
    const { address, seen } = await startServer();
    await builtPackage();
    const command = `${process.execPath} dist/lib/cli/main.js call ${address} Json/Spread; echo $? >&2`;
    const shell = new Spawned(['sh', '-c', `(${command}) | head -n 2`]);
    expect((await shell.exit(soonMs)).code).toBe(0);
    expect(shell.output).toBe('{}\n{"int":1}\n');
    expect(shell.errors).toBe('0\n');
    await until(() => seen.cancelled === 1, { deadlineMs: soonMs, what: 'the call to end' });
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('%s cancels the call', async (signal) => {
    const { address, seen } = await startServer();
    const child = await call(address, 'Json/Chat', '--data', '@-');
    child.tell('{"text":"a"}');
    await child.said('{"text":"re a"}', soonMs);
    child.kill(signal);
    expect(await child.exit(soonMs)).toEqual({ code: signal === 'SIGINT' ? 130 : 143, signal: null });
    expect(child.errors).toBe('');
    await until(() => seen.cancelled === 1, { deadlineMs: soonMs, what: 'the call to end' });
  });
});

describe('a call that fails', () => {
  it('says its status, with its details, and ends with 64 and its number', async () => {
    const { address } = await startServer();
    const { code, lines, errors } = await outcomeOf([address, 'Json/Echo', '-d', '{"text":"refused"}']);
    expect({ code, lines }).toEqual({ code: 69, lines: [] });
    expect(errors).toBe(
      'rocket call: NOT_FOUND: no such \\u001b[31mtext\n' +
        '  detail: {"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"GONE","domain":"json","metadata":{"a":"b"}}\n',
    );
  });

  it('says the number of an application that has its own', async () => {
    const { address } = await startServer({ protocols: ['tinypb'] });
    const args = [address, 'Json/Echo', '-d', '{"text":"own"}', '--proto', proto, '--protocol', 'tinypb'];
    const { code, errors } = await outcomeOf(args);
    expect({ code, errors }).toEqual({
      code: 66,
      errors: 'rocket call: UNKNOWN (error code 4711): own error\n',
    });
  });

  it('says it where nobody listens', async () => {
    for (const more of [[], ['--proto', proto], ['--proto', proto, '--protocol', 'tinypb']]) {
      const { code, errors } = await outcomeOf(['127.0.0.1:1', 'json.v1.Json/Echo', ...more]);
      expect(errors).toMatch(/^rocket call: UNAVAILABLE: .*refused/);
      expect(code).toBe(78);
    }
  });

  it('says it when the time is up', async () => {
    const { address } = await startServer();
    const { code, errors } = await outcomeOf([
      address,
      'Json/Echo',
      '-d',
      '{"text":"never"}',
      '--timeout',
      '300',
    ]);
    expect(errors).toMatch(/^rocket call: DEADLINE_EXCEEDED: /);
    expect(code).toBe(68);
  });

  it('says which option allows a longer message', async () => {
    const { address } = await startServer();
    const long = ['-d', JSON.stringify({ text: 'x'.repeat(5000) })];
    for (const protocol of ['grpc', 'tinypb']) {
      const given = [address, 'Json/Echo', ...long, '--protocol', protocol];
      expect(await linesOf([...given, '--max-message-bytes', '6000'])).toHaveLength(1);
    }
    const { code, errors } = await outcomeOf([address, 'Json/Echo', ...long, '--max-message-bytes', '4000']);
    expect(errors).toContain('--max-message-bytes');
    expect(code).toBe(72);
  });

  it.each([
    ['{"int":"x"}', 'int: a 32-bit integer is needed, not the text "x"'],
    ['{"innt":1}', 'innt: no such field in json.v1.All; is int meant?'],
    ['{}{}', 'json.v1.Json.Echo takes one request'],
    ['', 'is empty'],
    ['{', 'JSON'],
  ])('refuses %j before it is sent', async (data, said) => {
    const { address, seen } = await startServer();
    const { code, errors } = await outcomeOf([address, 'Json/Echo', '--data', data]);
    expect(errors).toMatch(/^rocket call: --data/);
    expect(errors).toContain(said);
    expect(code).toBe(2);
    expect(seen.metadata).toEqual([]);
  });

  it('takes unknown fields where that is allowed', async () => {
    const { address } = await startServer();
    const data = ['--data', '{"innt":1}', '--allow-unknown-fields'];
    expect(await linesOf([address, 'Json/Echo', ...data])).toEqual(['{}']);
  });
});

it('shows headers, trailers and status with --verbose, on stderr', async () => {
  const { address } = await startServer();
  const { code, lines, errors } = await outcomeOf([
    address,
    'Json/Spread',
    '-v',
    '-d',
    '{"int":1}',
    '--metadata',
    'a=b',
  ]);
  expect({ code, lines }).toEqual({ code: 0, lines: ['{}'] });
  expect(errors).toBe(
    '* request metadata\n  a: b\n* response headers\n* response trailers\n* status OK, 1 message received\n',
  );
});

it.each(['README.md', 'README.zh-CN.md'])(
  'does what %s shows, on the demo',
  async (file) => {
    const block = blocksOf(file).find(({ code }) => code.includes('demo -- --serve'));
    const commands = block?.code.split('\n').filter((line) => line.startsWith('npx rocket call')) ?? [];
    expect(commands).toHaveLength(3);
    const demo = new Spawned([process.execPath, '--import', 'tsx', 'examples/demo.ts', '--serve', '0']);
    onTestFinished(() => demo.kill('SIGKILL'));
    const address = await demo.said('listening on', soonMs);
    const said: string[] = [];
    for (const command of commands) {
      const here = command.replace('npx rocket', `${process.execPath} dist/lib/cli/main.js`);
      const shell = new Spawned(['sh', '-c', here.replace('127.0.0.1:50051', address)]);
      expect((await shell.exit(soonMs)).code, shell.describe()).toBe(0);
      said.push(shell.output);
    }
    const [list = '', service = '', reply = ''] = said;
    expect(list.split('\n')).toContain('Order');
    expect(service).toContain('rpc makeOrder(makeOrderRequest) returns (makeOrderResponse);');
    expect(JSON.parse(reply)).toEqual({ orderId: '20230514' });
  },
  60_000,
);
