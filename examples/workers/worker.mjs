// One worker: a server of its own, whose handler keeps this thread busy. JavaScript, as tsx does not reach into the
// workers of Node 20.
import { fileURLToPath } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { loadProto, Server } from 'rocket-rpc';

const { Primes } = loadProto(fileURLToPath(new URL('primes.proto', import.meta.url)));

function countPrimes(below) {
  const composite = new Uint8Array(below);
  let count = 0;
  for (let n = 2; n < below; n++) {
    if (composite[n]) continue;
    count++;
    for (let multiple = n * n; multiple < below; multiple += n) composite[multiple] = 1;
  }
  return count;
}

const server = new Server();
server.addService(Primes, {
  count: ({ below }) => ({ count: countPrimes(below), worker: workerData.worker }),
});
const { address } = await server.listen('127.0.0.1:0');
parentPort.postMessage(address);

// Once the server is closed and nobody listens here, nothing keeps the thread.
parentPort.once('message', () => server.close());
