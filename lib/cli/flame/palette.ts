import type { FrameKind } from './frame-names.ts';

interface Shade {
  readonly label: string;
  /** Hue in degrees and saturation in percent. */
  readonly hue: number;
  readonly saturation: number;
  /** Of the lightest shade, in percent. */
  readonly lightness: number;
}

const shades: Record<FrameKind, Shade> = {
  thread: { label: 'thread', hue: 220, saturation: 10, lightness: 84 },
  js: {
    label: 'JavaScript (* optimized, + ^ partly, ~ interpreted)',
    hue: 48,
    saturation: 90,
    lightness: 66,
  },
  core: { label: 'rocket C++', hue: 205, saturation: 70, lightness: 72 },
  v8: { label: 'V8', hue: 130, saturation: 38, lightness: 74 },
  native: { label: 'Node, libuv, asio, libc', hue: 18, saturation: 70, lightness: 76 },
  kernel: { label: 'kernel', hue: 280, saturation: 28, lightness: 78 },
  lost: { label: 'caller unknown', hue: 0, saturation: 0, lightness: 92 },
};

/** The kinds with their meaning and colour, for a legend. */
export const legend: readonly { kind: FrameKind; label: string; color: string }[] = (
  Object.keys(shades) as FrameKind[]
).map((kind) => ({ kind, label: shades[kind].label, color: frameColor(kind, '') }));

/** A CSS colour: the kind gives the hue, the name one of a few shades, so neighbours can be told apart. */
export function frameColor(kind: FrameKind, name: string): string {
  const { hue, saturation, lightness } = shades[kind];
  let hash = 0;
  for (let at = 0; at < name.length; at++) hash = (hash * 31 + name.charCodeAt(at)) >>> 0;
  const darker = kind === 'thread' ? 0 : (hash % 5) * 2;
  return hexColor(hue, saturation / 100, (lightness - darker) / 100);
}

/** Hexadecimal, as programs that draw SVG other than browsers know no hsl(). */
function hexColor(hue: number, saturation: number, lightness: number): string {
  const reach = saturation * Math.min(lightness, 1 - lightness);
  const channel = (offset: number): string => {
    const turn = (offset + hue / 30) % 12;
    const value = lightness - reach * Math.max(-1, Math.min(turn - 3, 9 - turn, 1));
    return Math.round(value * 255)
      .toString(16)
      .padStart(2, '0');
  };
  return `#${channel(0)}${channel(8)}${channel(4)}`;
}
