import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { benchCommand } from '../../lib/cli/bench.ts';
import { callCommand } from '../../lib/cli/call.ts';
import { flameCommand } from '../../lib/cli/flame.ts';
import { genCommand } from '../../lib/cli/gen.ts';
import { rocket } from '../../lib/cli/program.ts';
import { servicesCommand } from '../../lib/cli/services.ts';
import { orderProto } from '../support/order.ts';

const folder = mkdtempSync(join(tmpdir(), 'rocket-arguments-'));
const file = join(folder, 'a.txt');
writeFileSync(file, 'not a certificate');
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

class Exit extends Error {}

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `rocket` with these arguments, in this process. */
async function outcomeOf(...args: string[]): Promise<Outcome> {
  let code: number | undefined;
  let [stdout, stderr] = ['', ''];
  vi.spyOn(process, 'argv', 'get').mockReturnValue([process.execPath, 'rocket', ...args]);
  vi.spyOn(process, 'exit').mockImplementation((given) => {
    code ??= Number(given ?? process.exitCode ?? 0);
    throw new Exit();
  });
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    stdout += `${text}`;
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    stderr += `${text}`;
    return true;
  });
  vi.spyOn(console, 'error').mockImplementation((text) => {
    stderr += `${text}\n`;
  });
  const before = process.exitCode;
  try {
    await rocket(args);
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
  } finally {
    code ??= Number(process.exitCode ?? 0);
    process.exitCode = before;
    vi.restoreAllMocks();
  }
  return { code, stdout, stderr };
}

/** One line that names the command, with `named` in it; bench adds the closest call that works. */
function expectComplaint({ code, stdout, stderr }: Outcome, command: string, ...named: string[]): void {
  const [line = '', ...rest] = stderr.trimEnd().split('\n');
  expect(line).toMatch(new RegExp(`^${command}: `));
  for (const text of named) expect(line).toContain(text);
  expect(rest).toEqual(
    command === 'rocket bench' && rest.length > 0 ? [expect.stringMatching(/^try: /)] : [],
  );
  expect(stderr).not.toMatch(/^ {4}at /m);
  expect(stdout).toBe('');
  expect(code).toBe(2);
}

/** What makes the rest of a command line right, so that only what is tried is wrong. */
const enough: Readonly<Record<string, readonly string[]>> = {
  bench: ['-n', '1', '-c', '1'],
  call: ['127.0.0.1:1', 'list'],
  flame: ['--pid', '1'],
  gen: [orderProto, '--out', folder],
  services: [],
};
const commands: readonly Command[] = [
  benchCommand(),
  callCommand(),
  flameCommand(),
  genCommand(),
  servicesCommand(),
];
const options = commands.flatMap((command) =>
  command.options.map((option) => ({ command: command.name(), long: option.long ?? '', option })),
);

describe('every command', () => {
  it.each(commands.map((command) => command.name()))('%s --help: on stdout, exit code 0', async (name) => {
    for (const args of [
      [name, '--help'],
      [name, '-h'],
      ['help', name],
    ]) {
      const { code, stdout, stderr } = await outcomeOf(...args);
      expect(stdout).toMatch(new RegExp(`^Usage: rocket ${name} `));
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    }
  });

  it.each(options)('$command: $long with a letter missing is unknown, and named right', async (tried) => {
    const wrong = tried.long.slice(0, -2) + tried.long.slice(-1);
    const known = commands.find((command) => command.name() === tried.command)?.options ?? [];
    if (known.some(({ long }) => long === wrong)) return;
    const outcome = await outcomeOf(tried.command, ...(enough[tried.command] ?? []), wrong, 'x');
    expectComplaint(
      outcome,
      `rocket ${tried.command}`,
      `unknown option '${wrong}'`,
      `Did you mean ${tried.long}?`,
    );
  });

  it.each(options.filter(({ option }) => option.required))(
    '$command: $long without its value',
    async ({ command, long }) => {
      const outcome = await outcomeOf(command, ...(enough[command] ?? []), long);
      expectComplaint(outcome, `rocket ${command}`, long, 'argument missing');
    },
  );

  it.each(['bench', 'call', 'flame', 'services'])('%s: an argument too many', async (name) => {
    expectComplaint(await outcomeOf(name, ...(enough[name] ?? []), 'a', 'b'), `rocket ${name}`, '');
  });
});

describe('a value that cannot be', () => {
  const numbers = ['', ' ', 'x', '1x', '-1', 'NaN', 'Infinity'];
  const cases: readonly (readonly [command: string, flag: string, values: readonly string[]])[] = [
    ...['-n', '-c', '--connections', '--threads', '--payload', '--timeout', '--max-in-flight'].map(
      (flag) => ['bench', flag, [...numbers, '0', '1.5', '1e30']] as const,
    ),
    ...['-q', '-t', '--warmup'].map((flag) => ['bench', flag, numbers] as const),
    ['bench', '--target', ['', ':::', 'a', 'a:b', 'http://a:1', 'static:///']],
    ['bench', '--proto', ['/nowhere/a.proto', folder, file]],
    ['bench', '--method', ['', 'x', 'Order.x']],
    ['bench', '--data', ['', 'x', '{', '@/nowhere', '{"price":"much"}']],
    ['bench', '--metadata', ['', 'a', '=a', 'a b=1', `a=${'x'.repeat(9000)}`]],
    ['bench', '--json', ['', folder, '/nowhere/a.json', '/dev/null/a.json']],
    ['bench', '--html', ['', folder, '/nowhere/a.html']],
    ['call', '--timeout', [...numbers, '0', '1.5', '86400001']],
    ['call', '--max-message-bytes', [...numbers, '0', '63', '1.5', '1e30']],
    ['call', '--protocol', ['', 'http', 'GRPC']],
    ['call', '--proto', ['', '/nowhere/a.proto', folder, file]],
    ['call', '--protoset', ['', '/nowhere/a.binpb', folder, file]],
    ['call', '--authority', ['', 'a b', 'a/b']],
    ['call', '--proto-path', ['', '/nowhere', file, folder]],
    ['call', '--metadata', ['', 'a', '=a', 'a b=1', 'a-bin=!', `a=${'x'.repeat(9000)}`]],
    ['call', '--data', ['{}']],
    ['call', '--cacert', ['', '/nowhere', folder]],
    ['call', '--cert', ['', '/nowhere', file]],
    ['call', '--key', ['', '/nowhere', file]],
    ['call', '--servername', ['', 'a b', 'a/b']],
    ['flame', '--pid', [...numbers, '0', '1.5']],
    ['flame', '--seconds', [...numbers, '0', '3601']],
    ['flame', '--frequency', [...numbers, '0', '1.5', '5000']],
    ['gen', '--out', ['', file]],
    ['gen', '--include', ['', file, '/nowhere']],
    ['gen', '--int64', ['', 'long', 'BigInt']],
    ['services', '--interval', [...numbers, '0', '3601']],
    ['services', '--etcd', ['', ':', 'a', 'a:1,b', 'ftp://a:1', 'http://a:1,https://b:1']],
    ['services', '--prefix', ['', '/rocket']],
    ...['bench', 'services'].flatMap((command) => [
      [command, '--cacert', ['', '/nowhere', folder]] as const,
      [command, '--cert', ['', '/nowhere', file]] as const,
      [command, '--key', ['', '/nowhere', file]] as const,
      [command, '--servername', ['', 'a b', 'a/b']] as const,
    ]),
    ['services', '--user', ['x']],
  ];
  it.each(cases.flatMap(([command, flag, values]) => values.map((value) => [command, flag, value] as const)))(
    'rocket %s %s %j',
    async (command, flag, value) => {
      const around = (enough[command] ?? []).slice();
      if (flag === '-q') around.splice(0, around.length, '-t', '1');
      if (flag === '-t') around.splice(0, around.length, '-c', '1');
      if (flag === '--max-in-flight') around.splice(0, around.length, '-t', '1', '-q', '1');
      const at = around.indexOf(flag);
      if (at >= 0) around.splice(at, 2);
      const needsTarget = /^--(proto|cacert|cert|key|servername)$/.test(flag);
      if (command === 'bench' && needsTarget) around.push('--target', '127.0.0.1:1');
      expectComplaint(await outcomeOf(command, ...around, flag, value), `rocket ${command}`, flag);
    },
  );
});

describe('rocket itself', () => {
  it.each([
    [['benhc'], "unknown command 'benhc' (Did you mean bench?"],
    [['benhc', '--help'], "unknown command 'benhc' (Did you mean bench?"],
    [['help', 'flam'], "unknown command 'flam' (Did you mean flame?"],
    [['--verson'], "unknown option '--verson' (Did you mean --version?)"],
    [[], 'which command? bench, call, flame, gen, services'],
  ])('%j', async (args, said) => {
    expectComplaint(await outcomeOf(...args), 'rocket', said);
  });

  it.each([[['--help']], [['help']], [['--version']]])('%j ends with 0', async (args) => {
    const { code, stdout, stderr } = await outcomeOf(...args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).not.toBe('');
  });

  it.each([
    ['gen', [], "missing required argument 'files'"],
    ['gen', ['a.proto'], "required option '-o, --out <folder>' not specified"],
    ['flame', [], 'give either --pid, or a command'],
    ['bench', [], 'which load?'],
    ['bench', ['-n', '1', '-c', '1', '--tls'], 'TLS needs --target'],
    [
      'bench',
      ['-n', '1', '-c', '1', '--target', 'a:1', '--insecure', '--cacert', file],
      '--cacert has no effect',
    ],
    ['services', ['--cert', file], '--cert and --key go together'],
    ['services', ['--insecure', '--key', file], '--cert and --key go together'],
    [
      'services',
      ['--insecure', '--cert', file, '--key', file],
      '--cert and --key cannot be used with --insecure',
    ],
    ['call', [], "missing required argument 'target'"],
    ['call', ['127.0.0.1:1'], 'Service/Method'],
    ['call', ['list'], 'the target comes first'],
    ['call', ['127.0.0.1:1', 'Order'], 'not a method: "Order"'],
    ['call', ['127.0.0.1:1', 'Order/x', 'y'], 'unexpected argument "y"'],
    ['call', ['', 'list'], 'target'],
    ['call', ['a', 'list'], 'not an address'],
    ['call', ['tls:///etcd:Order', 'list'], '--cacert or --servername is needed'],
    ['call', ['grpc://a:1', 'list', '--protocol', 'tinypb'], '--protocol tinypb does not fit'],
    ['call', ['a:1', 'list', '--insecure', '--cacert', file], '--cacert has no effect with --insecure'],
    ['call', ['a:1', 'list', '--cert', file], '--cert and --key go together'],
    ['call', ['a:1', 'O/m', '--data', '@/nowhere'], '--data: "/nowhere" cannot be read'],
  ])('%s without what it needs', async (command, args, said) => {
    expectComplaint(await outcomeOf(command, ...args), `rocket ${command}`, said);
  });
});

it('bench shows nothing of a key that is given in place of its file', async () => {
  const key = '-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----\n';
  for (const wrong of [['-n', 'x'], ['--verson'], []])
    for (const given of [key, 'MIGHAgEAMBMGByqGSM49'])
      for (const args of [
        ['--key', given, ...wrong],
        [...wrong, '--key', given],
      ]) {
        const { code, stderr } = await outcomeOf('bench', '--target', 'a:1', '--cert', file, ...args);
        expect(stderr).not.toMatch(/MIGH|BEGIN/);
        expect(code).toBe(2);
      }
});
