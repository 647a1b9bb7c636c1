import type { FoldedStack } from './fold.ts';
import type { FrameKind } from './frame-names.ts';

/** A function as called by the functions above it, in the shape d3-flame-graph reads. */
export interface FlameNode {
  readonly name: string;
  readonly kind: FrameKind;
  /** Samples with this function on the stack, its own and those of the functions it called. */
  readonly value: number;
  readonly children: readonly FlameNode[];
}

interface Growing {
  readonly name: string;
  readonly kind: FrameKind;
  value: number;
  readonly children: Map<string, Growing>;
}

/** The tree of all stacks below one root, `all`; children are in the order of their names. */
export function flameTree(stacks: readonly FoldedStack[]): FlameNode {
  const root: Growing = { name: 'all', kind: 'thread', value: 0, children: new Map() };
  for (const { frames, count } of stacks) {
    root.value += count;
    let node = root;
    for (const { name, kind } of frames) {
      const key = `${kind} ${name}`;
      let child = node.children.get(key);
      if (child === undefined) {
        child = { name, kind, value: 0, children: new Map() };
        node.children.set(key, child);
      }
      child.value += count;
      node = child;
    }
  }
  return finished(root);
}

/** Leaves out what is narrower than this share of the whole, which nobody could see. */
export function withoutSlivers(root: FlameNode, minShare: number): FlameNode {
  const least = root.value * minShare;
  const kept = (node: FlameNode): FlameNode => ({
    ...node,
    children: node.children.filter(({ value }) => value >= least).map(kept),
  });
  return kept(root);
}

function finished({ name, kind, value, children }: Growing): FlameNode {
  const sorted = [...children.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return { name, kind, value, children: sorted.map(finished) };
}
