import { expect, test } from 'vitest';
import { flameSvg } from '../../lib/cli/flame/flame-svg.ts';
import { type FlameNode, flameTree } from '../../lib/cli/flame/flame-tree.ts';
import type { FrameKind } from '../../lib/cli/flame/frame-names.ts';
import { frameColor, legend } from '../../lib/cli/flame/palette.ts';

const texts = { title: 'node <server> & "co"', subtitle: '8 samples' };

function treeOf(...stacks: [count: number, ...names: string[]][]): FlameNode {
  return flameTree(
    stacks.map(([count, ...names]) => ({
      frames: names.map((name) => ({ name, kind: 'js' as const })),
      count,
    })),
  );
}

/** Position and width in pixels of the frame with this title. */
function boxOf(svg: string, title: string): { x: number; y: number; width: number } {
  const found = svg.match(
    new RegExp(`<title>${title} \\(.*?</title><rect x="([\\d.]+)" y="([\\d.]+)" width="([\\d.]+)"`),
  );
  if (found === null) throw new Error(`no frame ${title}`);
  return { x: Number(found[1]), y: Number(found[2]), width: Number(found[3]) };
}

test('widths are shares, and callees stand on their callers', () => {
  const svg = flameSvg(treeOf([1, 'js', 'a'], [3, 'js', 'b']), { ...texts, widthPx: 420 });
  expect(boxOf(svg, 'all')).toMatchObject({ x: 10, width: 400 });
  expect(boxOf(svg, 'a')).toMatchObject({ x: 10, width: 100 });
  expect(boxOf(svg, 'b')).toMatchObject({ x: 110, width: 300 });
  expect(boxOf(svg, 'b').y).toBe(boxOf(svg, 'js').y - 16);
});

test('pointing at a frame tells its whole name and share', () => {
  expect(flameSvg(treeOf([1, 'a'], [7, 'b']), texts)).toContain('<title>a (1 samples, 12.5 %)</title>');
});

test('labels are cut to their frames, and left out where nothing fits', () => {
  const long = 'aVeryLongFunctionNameThatDoesNotFit';
  const svg = flameSvg(treeOf([1, long], [3, 'b'], [1, 'c']), { ...texts, widthPx: 420 });
  expect(svg).toMatch(/>aVery\w*…<\/text>/);
  expect(flameSvg(treeOf([1, 'xyz'], [99, 'b']), { ...texts, widthPx: 420 })).not.toContain('>xyz</text>');
});

test('names and titles cannot break out of the text', () => {
  const svg = flameSvg(treeOf([1, '</title><script>&"\u0001']), texts);
  expect(svg).toContain('node &lt;server&gt; &amp; &quot;co&quot;');
  expect(svg).toContain('&lt;/title&gt;&lt;script&gt;&amp;&quot;?');
  expect(svg).not.toContain('<script');
});

test('what is narrower than a pixel is left out', () => {
  expect(flameSvg(treeOf([1, 'tiny'], [999_999, 'b']), texts)).not.toContain('tiny');
});

test('the height is that of the deepest stack that can be seen', () => {
  const heightOf = (svg: string): number => Number(/ height="(\d+)"/.exec(svg)?.[1]);
  const names = (prefix: string, count: number): string[] =>
    Array.from({ length: count }, (_, i) => `${prefix}${i}`);
  const flat = flameSvg(treeOf([100, 'js', 'a']), texts);
  // A tower of 120 levels, 40 pixels wide: modules being loaded.
  const tower = flameSvg(treeOf([97, 'js', 'a'], [3, 'js', ...names('load', 120)]), texts);
  expect(heightOf(tower)).toBe(heightOf(flat));
  expect(tower).toContain('8 samples; 119 more levels are too thin to see, and on the page');
  // Wide ones keep theirs, and so do many thin ones side by side.
  const deep = flameSvg(treeOf([90, 'js', 'a'], [10, 'js', ...names('f', 60)]), texts);
  expect(heightOf(deep) - heightOf(flat)).toBe(59 * 16);
  const many = Array.from({ length: 50 }, (_, i): [number, ...string[]] => [
    2,
    'js',
    `f${i}`,
    `g${i}`,
    `h${i}`,
  ]);
  expect(heightOf(flameSvg(treeOf(...many), texts)) - heightOf(flat)).toBe(2 * 16);
});

test('every kind of frame has a colour of its own and a legend', () => {
  const kinds: FrameKind[] = ['thread', 'js', 'core', 'v8', 'native', 'kernel', 'lost'];
  expect(new Set(kinds.map((kind) => frameColor(kind, ''))).size).toBe(kinds.length);
  expect(legend.map(({ kind }) => kind)).toEqual(kinds);
  expect(frameColor('js', 'a')).toMatch(/^#[0-9a-f]{6}$/);
});
