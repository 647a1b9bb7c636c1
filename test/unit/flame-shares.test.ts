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
