import { depthOf, type FlameNode, withoutSlivers, withoutThinTop } from './flame-tree.ts';
import { frameColor, legend } from './palette.ts';

export interface SvgOptions {
  readonly title: string;
  /** A line under the title. */
  readonly subtitle: string;
  /** In pixels, default 1200. */
  readonly widthPx?: number;
}

const rowPx = 16;
const marginPx = 10;
const headPx = 74;
const fontPx = 11;
/** Mean width of a character of the font; a label is cut to fit. */
const characterPx = 6.2;
/** A level is shown if it has one frame of this share, or enough thinner frames together. */
const leastShare = 0.05;

/**
 * A flamegraph as an image that needs no script: the threads are at the bottom, callees above their callers, and pointing
 * at a frame shows its name and share. What would be narrower than a pixel is left out, and so are the topmost levels that
 * have nothing but thin lines: the height is that of the deepest stack that can be seen.
 */
export function flameSvg(tree: FlameNode, options: SvgOptions): string {
  const widthPx = options.widthPx ?? 1200;
  const innerPx = widthPx - 2 * marginPx;
  const wide = withoutSlivers(tree, 1 / innerPx);
  const shown = withoutThinTop(wide, leastShare);
  const cut = depthOf(wide) - depthOf(shown);
  const note = cut === 0 ? '' : `; ${cut} more levels are too thin to see, and on the page`;
  const heightPx = headPx + rowPx * depthOf(shown) + marginPx;
  const layout: Layout = {
    bottomPx: heightPx - marginPx,
    pxPerSample: innerPx / tree.value,
    total: tree.value,
  };
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${widthPx}" height="${heightPx}" viewBox="0 0 ${widthPx} ${heightPx}" font-family="Verdana, DejaVu Sans, sans-serif" font-size="${fontPx}">`,
    '<style>rect{stroke:#fff;stroke-width:.5}g:hover>rect{stroke:#000}</style>',
    `<rect width="${widthPx}" height="${heightPx}" fill="#fff"/>`,
    `<text x="${marginPx}" y="24" font-size="16">${escapeXml(options.title)}</text>`,
    `<text x="${marginPx}" y="43" fill="#555">${escapeXml(options.subtitle + note)}</text>`,
    ...legendLines(),
    ...frameLines(shown, 0, marginPx, layout),
    '</svg>',
    '',
  ].join('\n');
}

interface Layout {
  readonly bottomPx: number;
  readonly pxPerSample: number;
  readonly total: number;
}

function* frameLines(node: FlameNode, depth: number, x: number, layout: Layout): Generator<string> {
  const width = node.value * layout.pxPerSample;
  const y = layout.bottomPx - (depth + 1) * rowPx;
  const share = `${node.value} samples, ${((100 * node.value) / layout.total).toFixed(1)} %`;
  yield `<g><title>${escapeXml(`${node.name} (${share})`)}</title><rect x="${round(x)}" y="${y}" width="${round(width)}" height="${rowPx - 1}" fill="${frameColor(node.kind, node.name)}"/>${label(node.name, x, y, width)}</g>`;
  let childX = x;
  for (const child of node.children) {
    yield* frameLines(child, depth + 1, childX, layout);
    childX += child.value * layout.pxPerSample;
  }
}

function label(name: string, x: number, y: number, width: number): string {
  const room = Math.floor((width - 6) / characterPx);
  if (room < 3) return '';
  const text = name.length <= room ? name : `${name.slice(0, room - 1)}…`;
  return `<text x="${round(x + 3)}" y="${y + 11.5}">${escapeXml(text)}</text>`;
}

function* legendLines(): Generator<string> {
  let x = marginPx;
  for (const { label: text, color } of legend) {
    yield `<rect x="${round(x)}" y="53" width="11" height="11" fill="${color}"/><text x="${round(x + 15)}" y="63">${escapeXml(text)}</text>`;
    x += 15 + text.length * characterPx + 18;
  }
}

function round(px: number): number {
  return Math.round(px * 10) / 10;
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Text for SVG and HTML; characters XML forbids become a question mark. */
export function escapeXml(text: string): string {
  return text.replace(/\p{Cc}|[\ufffe\uffff]/gu, '?').replace(/[&<>"]/g, (it) => entities[it]!);
}
