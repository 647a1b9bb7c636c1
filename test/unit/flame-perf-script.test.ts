import { expect, test } from 'vitest';
import { parsePerfScript } from '../../lib/cli/flame/perf-script.ts';

const recorded = `io-0 14032/14072 
	ffffffff8226e639 _raw_spin_unlock_irqrestore ([kernel.kallsyms])
	          10aba4 __send (/usr/lib/x86_64-linux-gnu/libc.so.6)

node 14032/14032 
	    7ff89e95789e JS:*get size file:///app/a b/list.ts:3:1 (/tmp/perf-14032.map)
	           5bd2b foo::bar(int (*)(char)) (/app/my addon (1).node)
	           d44a3 [unknown] ([unknown])

V8 Worker 1 14032/14040 
	             123 rocket::base::now (inlined)

node 14032/14033 

io-0 14032/14072 
	ffffffff8226e639 _raw_spin_unlock_irqrestore ([kernel.kallsyms])
	          10aba4 __send (/usr/lib/x86_64-linux-gnu/libc.so.6)
`;

test('reads threads, addresses, symbols and files, whatever is in their names', () => {
  const stacks = parsePerfScript(recorded);
  expect(stacks.map(({ command, pid, tid }) => [command, pid, tid])).toEqual([
    ['io-0', 14032, 14072],
    ['node', 14032, 14032],
    ['V8 Worker 1', 14032, 14040],
    ['node', 14032, 14033],
  ]);
  expect(stacks[1]?.frames).toEqual([
    {
      address: 0x7ff89e95789e,
      symbol: 'JS:*get size file:///app/a b/list.ts:3:1',
      dso: '/tmp/perf-14032.map',
    },
    { address: 0x5bd2b, symbol: 'foo::bar(int (*)(char))', dso: '/app/my addon (1).node' },
    { address: 0xd44a3, symbol: '[unknown]', dso: '[unknown]' },
  ]);
  expect(stacks[2]?.frames).toEqual([{ address: 0x123, symbol: 'rocket::base::now', dso: 'inlined' }]);
});

test('the same stack of the same thread is held once, with its count', () => {
  expect(parsePerfScript(recorded).map(({ count }) => count)).toEqual([2, 1, 1, 1]);
});

test('a sample without a stack stays a sample', () => {
  expect(parsePerfScript(recorded)[3]).toMatchObject({ tid: 14033, frames: [], count: 1 });
  expect(parsePerfScript('a 1/2 \n\nb 1/3 \n')).toHaveLength(2);
});

test('samples need no empty line between them', () => {
  const stacks = parsePerfScript('a 1/1 \n\t 10 f (/x)\nb 1/2 \n\t 20 g (/y)');
  expect(stacks.map(({ frames }) => frames.map(({ symbol }) => symbol))).toEqual([['f'], ['g']]);
});

test('nothing is nothing, and what perf does not print is an error that quotes it', () => {
  expect(parsePerfScript('')).toEqual([]);
  expect(() => parsePerfScript('no sample at all')).toThrow('no sample at all');
  expect(() => parsePerfScript('a 1/1 \n\t no frame')).toThrow('no frame');
});
