import { shortJsName } from './js-symbol.ts';
import { shortNativeName } from './native-symbol.ts';
import type { RawFrame } from './perf-script.ts';

/** The component of a frame; it decides the colour. `core` is rocket's own C++, `v8` the engine with its builtins. */
export type FrameKind = 'thread' | 'js' | 'core' | 'v8' | 'native' | 'kernel' | 'lost';

export interface Frame {
  readonly name: string;
  readonly kind: FrameKind;
}

/** The frame shown for unknown callers, below a function of libc. */
export const lostCaller: Frame = { name: '[caller lost in libc]', kind: 'lost' };

const kernelDso = /^\[(?:kernel|guest\.kernel|bpf)|\.ko(?:\.\w+)?$|^bpf_prog/;
const libcDso = /(?:^|\/)(?:libc[.-]|libpthread[.-]|ld-musl|libc\.musl)/;
const threadStart = /^(?:__libc_start|_start$|start_thread$|__?clone|start$|main$)/;
const engine =
  /^(?:Builtins_|v8::|v8impl::|BytecodeHandler:|Builtin:|Stub:|Bytecode|RegExp:|Handler:|WasmCode)/;
const rocketCore = /^(?:rocket::|std::thread\(rocket::)/;

/** The name and kind that a flamegraph shows for a frame. */
export function nameFrame(raw: RawFrame): Frame {
  const { symbol, dso } = raw;
  if (symbol === '[unknown]') {
    const place = dso
      .split('/')
      .at(-1)!
      .replace(/^\[|\]$/g, '');
    return { name: `[${place}]`, kind: kernelDso.test(dso) ? 'kernel' : 'native' };
  }
  if (kernelDso.test(dso)) return { name: shortNativeName(symbol), kind: 'kernel' };
  const js = shortJsName(symbol);
  if (js !== undefined) return { name: js, kind: 'js' };
  const name = shortNativeName(symbol);
  if (engine.test(name)) return { name, kind: 'v8' };
  return { name, kind: rocketCore.test(name) ? 'core' : 'native' };
}

/**
 * Whether a stack ends in libc without having come from the start of a thread. libc is built without frame pointers:
 * the functions that use the register for something else, such as send and recv, cut off their callers.
 */
export function endsInLibc(frames: readonly RawFrame[]): boolean {
  const outermost = frames.at(-1);
  return outermost !== undefined && libcDso.test(outermost.dso) && !threadStart.test(outermost.symbol);
}
