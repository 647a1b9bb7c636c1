import { isIP } from 'node:net';
import { isPlain } from '../contract/options.ts';
import { kindOf } from '../contract/value-text.ts';

/** Rules for entries in any registry, which keep them readable for every client. */

const longestName = 255;
const mostMetadataBytes = 2048;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern searches for them.
const controls = /[\u0000-\u001f\u007f]/;

/** @throws TypeError unless it is 1 to 255 bytes without `/` and control characters; spaces and UTF-8 are fine. */
export function checkServiceName(name: string): void {
  const bytes = typeof name === 'string' ? Buffer.byteLength(name) : 0;
  if (bytes < 1 || bytes > longestName || name.includes('/') || controls.test(name) || !name.isWellFormed()) {
    throw new TypeError(
      `a service name is 1 to ${longestName} bytes of text without / and control characters, not ${kindOf(name)}`,
    );
  }
}

/** Whether it is a numeric `ip:port` or `[ipv6]:port`, which is what the core connects to. */
export function isNumericAddress(text: string): boolean {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([\d.]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  return (isIP(match?.[1] ?? '') === 6 || isIP(match?.[2] ?? '') === 4) && port >= 1 && port <= 65_535;
}

/** @throws TypeError unless it is a numeric `ip:port` or `[ipv6]:port` that others can connect to, or `unix:/path` where allowed. */
export function checkAddress(address: string, options: { readonly allowUnix?: boolean } = {}): void {
  const isText = typeof address === 'string';
  if (isText && options.allowUnix === true && /^unix:./.test(address)) return;
  if (!isText || !isNumericAddress(address))
    throw new TypeError(`an instance's address is ip:port or [ipv6]:port, not ${kindOf(address)}`);
  if (/^(0\.0\.0\.0|\[[0:]+\]):/.test(address)) {
    throw new TypeError(
      `${address} means every address of this machine, which no client can connect to; give the one others reach it by`,
    );
  }
}

/**
 * @throws TypeError for pairs that cannot be written as `;key=value`, for the key `weight`, and for over 2048 bytes.
 */
export function checkMetadata(metadata: Readonly<Record<string, string>>): void {
  if (typeof metadata !== 'object' || metadata === null || !isPlain(metadata))
    throw new TypeError(`metadata is an object such as { zone: 'a' }, not ${kindOf(metadata)}`);
  let bytes = 0;
  for (const [key, value] of Object.entries(metadata)) {
    if (key === '' || key === 'weight' || key.trim() !== key || /[;=]/.test(key) || controls.test(key))
      throw new TypeError(
        `metadata: ${JSON.stringify(key)} is not a key: no ; = or control characters, not weight`,
      );
    if (typeof value !== 'string' || value.includes(';') || controls.test(value))
      throw new TypeError(
        `metadata ${key}: a string without ; and control characters is needed, not ${kindOf(value)}`,
      );
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value) + 2;
  }
  if (bytes > mostMetadataBytes)
    throw new TypeError(`metadata has ${bytes} bytes; at most ${mostMetadataBytes} are allowed`);
}
