import { expect, test } from 'vitest';
import { flameTree, withoutSlivers } from '../../lib/cli/flame/flame-tree.ts';
import type { FoldedStack } from '../../lib/cli/flame/fold.ts';

function stack(count: number, thread: string, ...names: string[]): FoldedStack {
  return {
    frames: [{ name: thread, kind: 'thread' }, ...names.map((name) => ({ name, kind: 'native' as const }))],
    count,
  };
}

test('a node counts its own samples and those of what it called', () => {
  const tree = flameTree([stack(1, 'js', 'a'), stack(2, 'js', 'a', 'b'), stack(4, 'io-0', 'a')]);
  expect(tree).toEqual({
    name: 'all',
    kind: 'thread',
    value: 7,
    children: [
      {
        name: 'io-0',
        kind: 'thread',
        value: 4,
        children: [{ name: 'a', kind: 'native', value: 4, children: [] }],
      },
      {
        name: 'js',
        kind: 'thread',
        value: 3,
        children: [
          {
            name: 'a',
            kind: 'native',
            value: 3,
            children: [{ name: 'b', kind: 'native', value: 2, children: [] }],
          },
        ],
      },
    ],
  });
});

test('the same name of another kind is another node, as a handler may be named like a function of the kernel', () => {
  const tree = flameTree([
    { frames: [{ name: 'read', kind: 'js' }], count: 1 },
    { frames: [{ name: 'read', kind: 'kernel' }], count: 1 },
  ]);
  expect(tree.children.map(({ kind }) => kind)).toEqual(['js', 'kernel']);
});

test('slivers are left out with what they called', () => {
  const tree = withoutSlivers(flameTree([stack(99, 'js', 'a'), stack(1, 'js', 'b', 'c')]), 0.02);
  expect(tree.children[0]?.children.map(({ name }) => name)).toEqual(['a']);
});

test('no stacks make an empty tree', () => {
  expect(flameTree([])).toEqual({ name: 'all', kind: 'thread', value: 0, children: [] });
});
