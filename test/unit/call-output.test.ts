import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { LineOutput } from '../../lib/cli/call/line-output.ts';
import { jsonLine, printable } from '../../lib/cli/call/printable.ts';

/** A stream whose writes wait until they are let through. */
function heldStream() {
  const held: (() => void)[] = [];
  const stream = new Writable({ highWaterMark: 1, write: (_chunk, _encoding, done) => void held.push(done) });
  return { stream, held };
}

it('writes a line when the one before has been taken', async () => {
  const { stream, held } = heldStream();
  const output = new LineOutput(stream, new AbortController().signal, () => undefined);
  let written = false;
  const writing = output.write('a').then(() => {
    written = true;
  });
  await Promise.resolve();
  expect({ written, waiting: held.length }).toEqual({ written: false, waiting: 1 });
  held[0]?.();
  await writing;
});

it('waits no more when the call is cancelled', async () => {
  const { stream } = heldStream();
  const stop = new AbortController();
  const writing = new LineOutput(stream, stop.signal, () => undefined).write('a');
  stop.abort();
  await writing;
});

it('says when nothing more can be written, and writes no more', async () => {
  let failed = 0;
  const error = Object.assign(new Error('nobody reads'), { code: 'EPIPE' });
  const stream = new Writable({ write: (_chunk, _encoding, done) => done(error) });
  const closed = new Promise((resolve) => stream.once('close', resolve));
  const output = new LineOutput(stream, new AbortController().signal, () => failed++);
  await output.write('a');
  await closed;
  expect(output.failure).toBe(error);
  await output.write('b');
  expect(failed).toBe(1);
});

it('shows what a server says without what would move a cursor, and not endlessly', () => {
  expect(printable('a\u001b[31m\n\u0085\u202eü😀')).toBe('a\\u001b[31m\\u000a\\u0085\\u202eü😀');
  expect(printable('x'.repeat(10_000)).length).toBe(2001);
});

it('shows JSON in a line that no terminal takes for more, and that is the same value', () => {
  const value = { 'a\u007f': 'b\u0000\u009b31m\u202e\u2028\n', emoji: 'ü👩\u200d🚀' };
  const line = jsonLine(value);
  expect(line).toBe(String.raw`{"a\u007f":"b\u0000\u009b31m\u202e\u2028\n","emoji":"ü👩${'\u200d'}🚀"}`);
  expect(JSON.parse(line)).toEqual(value);
});
