import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  kernelFramesNote,
  readParanoid,
  refusalText,
  startFailure,
} from '../../lib/cli/flame/perf-refusal.ts';

test('a missing perf: the package of each distribution', () => {
  const { message } = startFailure(Object.assign(new Error('spawn perf ENOENT'), { code: 'ENOENT' }));
  for (const word of ['linux-perf', 'linux-tools-generic', 'Debian', 'Ubuntu', 'Fedora', 'Alpine']) {
    expect(message).toContain(word);
  }
});

test('the script that Debian and Ubuntu install in its place', () => {
  const said = 'WARNING: perf not found for kernel 5.15.0-91';
  const text = refusalText({ said, paranoid: 4, isRoot: false });
  expect(text).toContain('linux-tools-generic');
  expect(text).toContain(said);
});

test('a forbidding perf_event_paranoid: its value and both ways out', () => {
  const text = refusalText({
    said: 'Access to performance monitoring is limited.',
    paranoid: 4,
    isRoot: false,
  });
  expect(text).toContain('perf_event_paranoid is 4');
  expect(text).toContain('sysctl kernel.perf_event_paranoid=1');
  expect(text).toContain('as root');
});

test('root that may not: a container, and what it needs', () => {
  const text = refusalText({ said: 'Operation not permitted', paranoid: 2, isRoot: true });
  expect(text).toContain('--cap-add PERFMON');
});

test('anything else is quoted', () => {
  expect(refusalText({ said: 'No space left on device', paranoid: 1, isRoot: false })).toContain(
    'No space left on device',
  );
});

test('without root, from 2 on, the kernel part is missing and said to be', () => {
  expect(kernelFramesNote(2, false)).toContain('perf_event_paranoid is 2');
  expect(kernelFramesNote(2, true)).toBeUndefined();
  expect(kernelFramesNote(1, false)).toBeUndefined();
  expect(kernelFramesNote(undefined, false)).toBeUndefined();
});

test('the value comes from its file; a kernel without perf events has none', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'paranoid-')), 'value');
  writeFileSync(file, '3\n');
  expect(readParanoid(file)).toBe(3);
  expect(readParanoid(`${file}-missing`)).toBeUndefined();
});
