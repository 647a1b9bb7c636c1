import { lookup } from 'node:dns/promises';
import { parseTarget, type TargetEndpoint } from '../contract/target.ts';
import { kindOf } from '../contract/value-text.ts';

/**
 * The single address to listen on, with its name resolved.
 *
 * @throws TypeError that shows the accepted forms; Error with Node's `code` if the name cannot be resolved.
 */
export async function listenAddress(address: string): Promise<string> {
  const { host, port, address: numeric } = checked(address);
  if (numeric !== undefined) return numeric;
  try {
    const { address: ip, family } = await lookup(host);
    return family === 6 ? `[${ip}]:${port}` : `${ip}:${port}`;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const text = `cannot listen on ${address}: ${code} (the name ${host} cannot be resolved)`;
    throw Object.assign(new Error(text, { cause }), { code, address });
  }
}

function checked(address: unknown): TargetEndpoint {
  const port = /^:?(\d+)$/.exec(
    typeof address === 'number' ? `${address}` : typeof address === 'string' ? address : '',
  );
  const hint =
    port === null
      ? "such as '0.0.0.0:50051', '[::1]:50051' or 'unix:/path'"
      : `'0.0.0.0:${port[1]}' or '127.0.0.1:${port[1]}'`;
  const refusal = `listen() needs one address, ${hint}, not ${kindOf(address)}`;
  if (typeof address !== 'string' || port !== null) throw new TypeError(refusal);
  let endpoints: readonly TargetEndpoint[];
  try {
    endpoints = parseTarget(address).endpoints;
  } catch (cause) {
    const why = address.startsWith('unix:') ? ` (${(cause as Error).message})` : '';
    throw new TypeError(refusal + why, { cause });
  }
  const [endpoint] = endpoints;
  if (endpoint === undefined || endpoints.length > 1) throw new TypeError(refusal);
  return endpoint;
}
