import { expect, test } from 'vitest';
import { foldedText, foldStacks, threadTotals } from '../../lib/cli/flame/fold.ts';
import { nameFrame } from '../../lib/cli/flame/frame-names.ts';
import type { RawFrame, RawStack } from '../../lib/cli/flame/perf-script.ts';

const pid = 100;
const libc = '/usr/lib/libc.so.6';

function frame(symbol: string, dso = '/usr/bin/node'): RawFrame {
  return { address: 1, symbol, dso };
}

/** Frames as perf has them, innermost first. */
function stack(command: string, tid: number, frames: RawFrame[], count = 1): RawStack {
  return { command, pid, tid, frames, count };
}

function folded(...stacks: RawStack[]): string[] {
  return foldedText(foldStacks(stacks, pid)).trimEnd().split('\n');
}

test('a line has the thread, the frames from the outermost on, and the samples', () => {
  const frames = [
    frame('tcp_sendmsg', '[kernel.kallsyms]'),
    frame('rocket::io::Connection::flush', '/a/rocket.node'),
  ];
  expect(folded(stack('io-0', 101, frames, 7))).toEqual([
    'io-0;rocket::io::Connection::flush;tcp_sendmsg_[k] 7',
  ]);
});

test('stacks that look the same are added up, also those of different io threads of one name', () => {
  const frames = [frame('f')];
  expect(folded(stack('io-0', 101, frames, 2), stack('io-0', 102, frames, 3))).toEqual(['io-0;f 5']);
});

test('semicolons and line breaks in names cannot break the format', () => {
  expect(folded(stack('a;b', 101, [frame('operator;x\ny')]))).toEqual(['a:b;operator:x y 1']);
});

test('a stack without frames is time of its thread', () => {
  expect(folded(stack('io-0', 101, [], 4))).toEqual(['io-0 4']);
});

test('a caller lost in libc is said to be lost, the start of a thread is not', () => {
  expect(folded(stack('io-0', 101, [frame('__send', libc)]))).toEqual([
    'io-0;[caller lost in libc];__send 1',
  ]);
  expect(folded(stack('io-0', 101, [frame('f'), frame('start_thread', libc)]))).toEqual([
    'io-0;start_thread;f 1',
  ]);
  expect(folded(stack('io-0', 101, [frame('malloc', libc), frame('f')]))).toEqual(['io-0;f;malloc 1']);
});

test('threads: js, its workers, helpers, named ones, and those of child processes', () => {
  const js = frame('JS:*f file:///a.js:2:1', '/tmp/perf-100.map');
  const lines = folded(
    stack('node', pid, [frame('uv_run')]),
    stack('node', 101, [js]),
    stack('node', 101, [frame('x')]),
    stack('node', 102, [frame('v8::internal::Sweeper')]),
    stack('libuv-worker', 103, [frame('read')]),
    stack('main', 104, [frame('accept')]),
    { command: 'MainThread', pid: 200, tid: 200, frames: [js], count: 1 },
    { command: 'npm start', pid: 300, tid: 300, frames: [], count: 1 },
  );
  expect(lines.map((line) => line.replace(/ \d+$/, ''))).toEqual([
    'js (process 200);f a.js:2 *',
    'js (worker);f a.js:2 *',
    'js (worker);x',
    'js;uv_run',
    'libuv-worker;read',
    'main;accept',
    'node (helper);v8::internal::Sweeper',
    'npm start (process 300)',
  ]);
});

test('totals are by thread, the busiest first', () => {
  const stacks = [
    stack('io-0', 101, [frame('f')], 2),
    stack('io-0', 101, [frame('g')], 3),
    stack('log', 102, [], 9),
  ];
  expect(threadTotals(foldStacks(stacks, pid))).toEqual([
    ['log', 9],
    ['io-0', 5],
  ]);
});

test.each([
  ['tcp_ack', '[kernel.kallsyms]', 'tcp_ack', 'kernel'],
  ['nft_do_chain', '/lib/modules/6.1/nf_tables.ko', 'nft_do_chain', 'kernel'],
  ['[unknown]', '[kernel.kallsyms]', '[kernel.kallsyms]', 'kernel'],
  ['[unknown]', '/usr/lib/libstdc++.so.6', '[libstdc++.so.6]', 'native'],
  ['[unknown]', '[unknown]', '[unknown]', 'native'],
  ['__vdso_clock_gettime', '[vdso]', '__vdso_clock_gettime', 'native'],
  ['JS:~f /a.js:3:1', '/tmp/perf-1.map', 'f a.js:3 ~', 'js'],
  ['Builtins_JSEntry', '/usr/bin/node', 'Builtins_JSEntry', 'v8'],
  ['BytecodeHandler:LdaSmi', '/tmp/perf-1.map', 'BytecodeHandler:LdaSmi', 'v8'],
  ['node::Start', '/usr/bin/node', 'node::Start', 'native'],
  ['rocket::TimerWheel::arm', 'inlined', 'rocket::TimerWheel::arm', 'core'],
])('%s in %s is shown as %s, a frame of %s', (symbol, dso, name, kind) => {
  expect(nameFrame(frame(symbol, dso))).toEqual({ name, kind });
});
