import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { escapeXml } from './flame-svg.ts';
import type { FlameNode } from './flame-tree.ts';
import { drawPage, pageBody, pageStyle } from './page.ts';
import { frameColor, legend } from './palette.ts';

export interface HtmlOptions {
  readonly title: string;
  /** A line under the title. */
  readonly subtitle: string;
}

/** The libraries of the page in the order in which they build on each other; each adds to the global `d3`. */
const d3Packages = [
  'd3-dispatch',
  'd3-color',
  'd3-interpolate',
  'd3-timer',
  'd3-ease',
  'd3-selection',
  'd3-transition',
  'd3-array',
  'd3-format',
  'd3-time',
  'd3-time-format',
  'd3-scale',
  'd3-hierarchy',
];

/** A self-contained page with zoom and search: it loads nothing from a network. */
export function flameHtml(tree: FlameNode, options: HtmlOptions): string {
  const data = { tree: pageNode(tree), legend };
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${escapeXml(options.title)}</title>
<style>${pageStyle}</style>
</head>
<body>
<h1>${escapeXml(options.title)}</h1>
<p>${escapeXml(options.subtitle)}</p>
${pageBody}
<script>${librarySource()}</script>
<script>const flame = ${JSON.stringify(data).replace(/</g, '\\u003c')};
${drawPage}</script>
</body>
</html>
`;
}

/** The letters d3-flame-graph knows for name, value and children, as there may be a hundred thousand nodes. */
interface PageNode {
  readonly n: string;
  readonly v: number;
  readonly k: string;
  readonly c: readonly PageNode[];
}

function pageNode({ name, kind, value, children }: FlameNode): PageNode {
  return { n: name, v: value, k: frameColor(kind, name), c: children.map(pageNode) };
}

function librarySource(): string {
  const chart = createRequire(import.meta.url).resolve('d3-flame-graph');
  // Resolved from the chart's own folder, so that it gets its own versions and a package manager need not hoist them.
  const scale = createRequire(createRequire(chart).resolve('d3-scale'));
  const transition = createRequire(createRequire(chart).resolve('d3-transition'));
  const sources = d3Packages.map((name) => umdOf(name, [createRequire(chart), scale, transition]));
  return [...sources, readFileSync(join(dirname(chart), 'd3-flamegraph.umd.min.js'), 'utf8')]
    .join('\n')
    .replace(/<\/script/gi, '<\\/script');
}

function umdOf(name: string, from: readonly NodeJS.Require[]): string {
  for (const { resolve } of from) {
    try {
      return readFileSync(join(dirname(resolve(name)), '..', 'dist', `${name}.min.js`), 'utf8');
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND')) throw error;
    }
  }
  throw new Error(`${name}, which d3-flame-graph needs, is not installed`);
}
