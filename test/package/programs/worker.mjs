import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import * as rocket from 'rocket-rpc';
import { greet } from './greet.mjs';

if (isMainThread) {
  new Worker(new URL(import.meta.url)).on('message', console.log);
} else {
  parentPort?.postMessage(await greet(rocket, 'worker'));
}
