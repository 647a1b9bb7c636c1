import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ports that kernels give to connections and to `listen(0)`: 32768 and up on Linux, 49152 on macOS. */
const first = 10_000;
const end = 32_000;

/**
 * Ports nobody listens on now, for a program that must be told its port. Another could take one before it does, but
 * none that asks the kernel for any port.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  for (let tries = 0; ports.length < count; ++tries) {
    if (tries > count + 1000) throw new Error(`of ${count} free ports only ${ports.length} were found`);
    const port = first + Math.floor(Math.random() * (end - first));
    if (!ports.includes(port) && (await isFree(port))) ports.push(port);
  }
  return ports;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  await once(server.close(), 'close');
  return true;
}
