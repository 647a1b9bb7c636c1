/** One line of a stack as perf prints it. */
export interface RawFrame {
  readonly address: number;
  /** `[unknown]` where perf has none. */
  readonly symbol: string;
  /** The file the code is from: a path, or a name in brackets. */
  readonly dso: string;
}

/** All samples of one thread that have the same stack. */
export interface RawStack {
  readonly command: string;
  readonly pid: number;
  readonly tid: number;
  /** Innermost frame first; empty when perf could not walk the stack. */
  readonly frames: readonly RawFrame[];
  readonly count: number;
}

const headPattern = /^(.*?)\s+(\d+)\/(\d+)\s*$/;
const framePattern = /^\s+([0-9a-f]+) (.*\))$/;

/**
 * Reads what `perf script -F comm,pid,tid,ip,sym,dso` prints, a line at a time. It holds each different stack once, so
 * its memory grows with the variety of a recording and not with its length.
 */
export class ScriptReader {
  readonly #counts = new Map<string, number>();
  #block: string[] = [];

  line(line: string): void {
    // A sample begins with an unindented line; an empty one may or may not come before it.
    if (line === '' || !/^\s/.test(line)) this.#endBlock();
    if (line !== '') this.#block.push(line);
  }

  /** The different stacks read so far. Throws when the text is not what perf prints. */
  stacks(): RawStack[] {
    this.#endBlock();
    return [...this.#counts].map(([block, count]) => parseBlock(block.split('\n'), count));
  }

  #endBlock(): void {
    if (this.#block.length === 0) return;
    const block = this.#block.join('\n');
    this.#counts.set(block, (this.#counts.get(block) ?? 0) + 1);
    this.#block = [];
  }
}

/** The different stacks in the whole output of perf script. */
export function parsePerfScript(text: string): RawStack[] {
  const reader = new ScriptReader();
  for (const line of text.split('\n')) reader.line(line);
  return reader.stacks();
}

function parseBlock([head = '', ...lines]: readonly string[], count: number): RawStack {
  const found = headPattern.exec(head);
  if (found === null) throw new Error(`perf script printed a sample that begins with: ${head}`);
  const [, command = '', pid, tid] = found;
  return {
    command: command.trim(),
    pid: Number(pid),
    tid: Number(tid),
    frames: lines.map(parseFrame),
    count,
  };
}

function parseFrame(line: string): RawFrame {
  const found = framePattern.exec(line);
  const [, address = '', rest = ''] = found ?? [];
  const open = lastGroup(rest);
  if (open < 1) throw new Error(`perf script printed a frame that reads: ${line}`);
  return {
    address: Number.parseInt(address, 16),
    symbol: rest.slice(0, open).trimEnd(),
    dso: rest.slice(open + 1, -1),
  };
}

/** Where the last pair of brackets opens: names and files may have brackets too, but theirs are balanced. */
function lastGroup(text: string): number {
  let depth = 0;
  for (let at = text.length - 1; at >= 0; at--) {
    if (text[at] === ')') depth++;
    if (text[at] === '(' && --depth === 0) return at;
  }
  return -1;
}
