import { lookup } from 'node:dns/promises';

/** `ip:port` of each address of a host. */
export type Lookup = (host: string, port: number) => Promise<string[]>;

const lookupTimeoutMs = 5000;

/**
 * Resolves a host name; `ip:port` or `[ipv6]:port` of each address. Has a time limit, because getaddrinfo may take
 * minutes.
 */
export async function lookupAll(host: string, port: number): Promise<string[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error(`looking up ${host} took more than ${lookupTimeoutMs} ms`)),
      lookupTimeoutMs,
    );
  });
  try {
    const found = await Promise.race([lookup(host, { all: true }), late]);
    return found.map(({ address, family }) => (family === 6 ? `[${address}]:${port}` : `${address}:${port}`));
  } finally {
    clearTimeout(timer);
  }
}
