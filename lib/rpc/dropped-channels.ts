import type { ChannelParts } from './channel-parts.ts';

/**
 * At most this many different targets are warned about; otherwise a program that generates targets would get endless
 * warnings.
 */
const mostWarnings = 16;

const warned = new Set<string>();

const registry = new FinalizationRegistry<ChannelParts>((parts) => {
  warn(parts.target);
  parts.close().catch((error: unknown) => {
    process.emitWarning(
      `closing the channel to ${parts.target}, which was dropped, failed: ${String(error)}`,
    );
  });
});

function warn(target: string): void {
  if (warned.has(target) || warned.size === mostWarnings) return;
  warned.add(target);
  process.emitWarning(`a channel to ${target} was dropped without close(); it has been closed`, {
    type: 'RocketRpcWarning',
    code: 'ROCKET_CHANNEL_DROPPED',
    detail:
      'Keep one channel for each target, for as long as the program calls it, or close() those that are done.',
  });
}

/** Closes `parts` when `channel` is garbage-collected; `parts` must not reference it. */
export function closeWhenDropped(channel: object, parts: ChannelParts): void {
  registry.register(channel, parts, channel);
}

/** The channel is closed by other means. */
export function forgetDrop(channel: object): void {
  registry.unregister(channel);
}
