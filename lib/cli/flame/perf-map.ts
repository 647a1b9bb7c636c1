import type { RawFrame } from './perf-script.ts';

/**
 * The names of generated code at these addresses, from the text of a perf-PID.map. V8 appends to that file when it
 * generates code and records nothing when it frees it, so if several entries cover an address the last one is right.
 * (perf itself uses the first: functions compiled later then get the names of module code that ran once.)
 */
export function resolveAddresses(map: string, addresses: Iterable<number>): Map<number, string> {
  const wanted = Float64Array.from(new Set(addresses)).sort();
  const names = new Map<number, string>();
  for (const line of map.split('\n')) {
    const [start = '', size = ''] = line.split(' ', 2);
    const from = Number.parseInt(start, 16);
    const to = from + Number.parseInt(size, 16);
    for (let at = firstAtLeast(wanted, from); at < wanted.length && wanted[at]! < to; at++) {
      names.set(wanted[at]!, line.slice(start.length + size.length + 2));
    }
  }
  return names;
}

/** Whether a frame is in generated code, for which only a perf-PID.map has names. */
export function isGenerated({ dso }: RawFrame): boolean {
  return /(^|\/)perf-\d+\.map$|^\[unknown\]$|^\/\/anon$|^\[anon|^\/memfd:|^anon_inode/.test(dso);
}

/** NaN, of a line that is no entry, is beyond every address. */
function firstAtLeast(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! >= value) high = middle;
    else low = middle + 1;
  }
  return low;
}
