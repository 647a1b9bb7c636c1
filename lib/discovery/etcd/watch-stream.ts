import type { IWatchResponse } from 'etcd3';
import { type EtcdClient, leaveStream } from './client.ts';
import { rangeEnd } from './keys.ts';

export interface WatchRequest {
  readonly client: EtcdClient;
  readonly prefix: string;
  readonly fromRevision: number;
  /** Time limit for etcd to confirm the watch. */
  readonly timeoutMs: number;
  /** Every response, including the confirmation of the watch. */
  readonly onResponse: (response: IWatchResponse) => void;
}

/**
 * One watch on one stream, for as long as it lasts: resolves when `signal` aborts, rejects with the reason if the
 * stream fails or ends, or etcd cancels the watch. Cleans up in either case.
 */
export async function followWatch(request: WatchRequest, signal: AbortSignal): Promise<void> {
  const { client, prefix, fromRevision, timeoutMs, onResponse } = request;
  if (signal.aborted) return;
  const stream = await client.watch();
  let timer: NodeJS.Timeout | undefined;
  let stop: (() => void) | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      stop = (): void => resolve();
      signal.addEventListener('abort', stop);
      if (signal.aborted) return resolve();
      stream.on('error', (error) => reject(client.explain(error, `watching ${prefix}`)));
      stream.on('end', () => reject(new Error(`etcd ended the watch of ${prefix}`)));
      stream.on('data', (response) => {
        if (response.created) clearTimeout(timer);
        if (response.canceled) return reject(cancelled(client, prefix, response));
        onResponse(response);
      });
      timer = setTimeout(
        () => reject(new Error(`etcd did not begin the watch of ${prefix} within ${timeoutMs} ms`)),
        timeoutMs,
      );
      timer.unref();
      const key = Buffer.from(prefix);
      stream.write({ create_request: { key, range_end: rangeEnd(key), start_revision: fromRevision } });
    });
  } finally {
    clearTimeout(timer);
    if (stop !== undefined) signal.removeEventListener('abort', stop);
    leaveStream(stream);
  }
}

function cancelled(client: EtcdClient, prefix: string, response: IWatchResponse): Error {
  const compacted = Number(response.compact_revision);
  const why =
    compacted > 0
      ? `its history up to revision ${compacted} is gone`
      : response.cancel_reason || 'it says no reason';
  return client.explain(new Error(`etcd cancelled the watch: ${why}`), `watching ${prefix}`);
}
