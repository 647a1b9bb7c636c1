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

/** Leaves out frames narrower than this share of the whole, which would not be visible. */
export function withoutSlivers(root: FlameNode, minShare: number): FlameNode {
  const least = root.value * minShare;
  const kept = (node: FlameNode): FlameNode => ({
    ...node,
    children: node.children.filter(({ value }) => value >= least).map(kept),
  });
  return kept(root);
}

/**
 * Leaves out the levels above the last one that shows something: a frame of this share of the whole, or frames that
 * together have five times as much. Thin towers, such as the loading of modules, would make most of an image empty.
 */
export function withoutThinTop(root: FlameNode, minShare: number): FlameNode {
  const widest: number[] = [];
  const together: number[] = [];
  const measure = (node: FlameNode, level: number): void => {
    widest[level] = Math.max(widest[level] ?? 0, node.value);
    together[level] = (together[level] ?? 0) + node.value;
    for (const child of node.children) measure(child, level + 1);
  };
  measure(root, 0);
  const least = root.value * minShare;
  const top = widest.findLastIndex((value, level) => value >= least || together[level]! >= 5 * least);
  const kept = (node: FlameNode, level: number): FlameNode => ({
    ...node,
    children: level < top ? node.children.map((child) => kept(child, level + 1)) : [],
  });
  return kept(root, 0);
}

export function depthOf(node: FlameNode): number {
  return 1 + Math.max(0, ...node.children.map(depthOf));
}

function finished({ name, kind, value, children }: Growing): FlameNode {
  const sorted = [...children.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return { name, kind, value, children: sorted.map(finished) };
}
