import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import type { LoadSettings } from './load-options.ts';
import type { FromThread, Sample, ThreadData, ThreadDone, ThreadReady, ToThread } from './messages.ts';
import { startThread } from './source-module.ts';

/** A client thread, seen from the thread that collects the figures. */
export class ClientThread {
  /** Resolves once it is connected and warmed up; rejects, like `done`, if the thread fails. */
  readonly ready: Promise<ThreadReady>;
  readonly done: Promise<ThreadDone>;
  readonly #worker: Worker;

  constructor(settings: LoadSettings, index: number, onSample: (sample: Sample) => void) {
    const data: ThreadData = { settings, index };
    this.#worker = startThread('worker', { workerData: data, name: `rocket-bench-${index}` });
    const failed = once(this.#worker, 'exit').then(([code]) => {
      throw new Error(`a client thread ended with code ${code} before its load did`);
    });
    let onReady: (message: ThreadReady) => void = () => undefined;
    let onDone: (message: ThreadDone) => void = () => undefined;
    this.ready = Promise.race([new Promise<ThreadReady>((resolve) => (onReady = resolve)), failed]);
    this.done = Promise.race([new Promise<ThreadDone>((resolve) => (onDone = resolve)), failed]);
    // A failure is reported through the promise that is awaited; the other must not count as unhandled.
    for (const promise of [failed, this.ready, this.done]) promise.catch(() => undefined);
    this.#worker.on('message', (message: FromThread) => {
      switch (message.kind) {
        case 'ready':
          return onReady(message);
        case 'sample':
          return onSample(message);
        case 'done':
          return onDone(message);
      }
    });
  }

  tell(message: ToThread): void {
    this.#worker.postMessage(message);
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}
