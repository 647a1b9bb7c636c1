import { expect, test } from 'vitest';
import { sharesByPart } from '../../bench/flame-shares.ts';
import type { FoldedStack } from '../../lib/cli/flame/fold.ts';
import type { FrameKind } from '../../lib/cli/flame/frame-names.ts';

function stack(count: number, thread: string, ...frames: [name: string, kind: FrameKind][]): FoldedStack {
  return {
    frames: [{ name: thread, kind: 'thread' }, ...frames.map(([name, kind]) => ({ name, kind }))],
    count,
  };
}

test('each sample counts for one part: encoding within a reply is encoding', () => {
  const shares = sharesByPart([
    stack(3, 'js', ['reply server-transport.ts *', 'js'], ['encodeInto protobuf-codec.ts *', 'js']),
    stack(1, 'js', ['reply server-transport.ts *', 'js']),
    stack(4, 'io-0', ['rocket::io::Connection::flush', 'core'], ['__x64_sys_sendto', 'kernel']),
  ]);
  expect(shares).toEqual({
    js: { share: 0.5, kernel: 0, parts: { encode: 0.75, reply: 0.25 } },
    'io-0': { share: 0.5, kernel: 1, parts: { send: 1 } },
  });
});

test('the strings of a batch are not the way into JavaScript, and the reader is decoding wherever it is inlined', () => {
  const wakeUp: [string, FrameKind] = ['rocket::addon::Environment::on_wake_up', 'core'];
  const shares = sharesByPart([
    stack(1, 'js', wakeUp, ['napi_create_string_latin1', 'native']),
    stack(1, 'js', wakeUp, ['napi_call_function', 'native']),
    stack(1, 'js', wakeUp, ['#dispatch boundary.ts *', 'js'], ['uint32 slab-reader.ts *', 'js']),
    stack(1, 'js', wakeUp, ['reply server-transport.ts *', 'js'], ['string checked-writer.ts *', 'js']),
  ]);
  expect(shares['js']?.parts).toEqual({ strings: 0.25, enterJs: 0.25, decode: 0.25, encode: 0.25 });
});
