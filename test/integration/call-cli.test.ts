/** `rocket call`, as it is compiled, on servers of both protocols. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { loadProto, RpcError, Server } from '../../lib/index.ts';
import { builtPackage } from '../support/child.ts';
import { blocksOf } from '../support/docs/blocks.ts';
import { type All, jsonProto, startServer } from '../support/json-server.ts';
import { linesOf, outcomeOf, soonMs } from '../support/rocket-call.ts';
import { Spawned } from '../support/spawned.ts';

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
    const args = ['--proto', jsonProto, '--data', '{"int":7}', '--emit-defaults'];
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
      const { Json } = loadProto(jsonProto);
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
      expect(await linesOf([target, 'Json/Echo', '--proto', jsonProto, '-d', '{"int":1}'])).toEqual([
        '{"int":1}',
      ]);
    },
  );
});

const nothing = (): never => {
  throw new RpcError('UNIMPLEMENTED', 'nothing');
};

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
