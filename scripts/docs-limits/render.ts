import { boundsOf, type Option, optionGroups } from './options.ts';

const begin = '<!-- options:begin -->';
const end = '<!-- options:end -->';

/** The document with the table of options made anew. */
export function withOptionTable(document: string): string {
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the document has no ${begin} … ${end}`);
  return `${document.slice(0, from)}${begin}\n${optionTable()}\n${document.slice(to)}`;
}

function optionTable(): string {
  const rows = ['| option | default | range | |', '|---|---|---|---|'];
  for (const { title, options } of optionGroups()) {
    rows.push(`| **${title}** | | | |`);
    for (const option of options) rows.push(rowOf(option));
  }
  return rows.join('\n');
}

function rowOf(option: Option): string {
  const { name, text, fallback } = option;
  const cells = [`\`${name}\``, fallback ?? codeDefault(option) ?? '–', rangeOf(option), text];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

/** The default that the code has, as text; undefined when it is not a number, or none that is the same everywhere. */
export function codeDefault(option: Option): string | undefined {
  const fallback = boundsOf(option)?.fallback;
  return fallback === undefined ? undefined : quantity(option.name, fallback);
}

function rangeOf(option: Option): string {
  const bounds = boundsOf(option);
  if (bounds === undefined) return '';
  const min = `${bounds.isMinExcluded ? 'over ' : ''}${quantity(option.name, bounds.min)}`;
  return bounds.max === Number.MAX_SAFE_INTEGER
    ? `from ${min}`
    : `${min} … ${quantity(option.name, bounds.max)}`;
}

const times = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1000, 's'],
] as const;

const sizes = [
  [1 << 30, 'GiB'],
  [1 << 20, 'MiB'],
  [1 << 10, 'KiB'],
] as const;

/** A number in the unit that the option's name ends in. */
export function quantity(name: string, value: number): string {
  if (/Ms$/.test(name)) return inUnits(value, times, 'ms');
  if (/Seconds$/.test(name)) return inUnits(value * 1000, times, 'ms');
  if (/Bytes$/.test(name)) return inUnits(value, sizes, value === 0 ? '' : 'B');
  return plain(value);
}

/** As the documents write numbers: 1024, 65,536. */
function plain(value: number): string {
  return value.toLocaleString('en-US', { useGrouping: 'min2' });
}

function inUnits(value: number, units: readonly (readonly [number, string])[], smallest: string): string {
  const unit = units.find(([size]) => value >= size && value % size === 0);
  const [size, name] = unit ?? [1, value === 0 ? '' : smallest];
  return `${plain(value / size)} ${name}`.trim();
}
