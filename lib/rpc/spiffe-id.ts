const longestId = 2048;
const trustDomain = /^[a-z0-9._-]{1,255}$/;
const segment = /^[A-Za-z0-9._-]+$/;

/**
 * The SPIFFE id in the URIs of a certificate. Undefined unless there is exactly one URI and it is a valid id: without
 * port, user, query, fragment, empty segments, `.`, `..` or escapes. So equal texts mean equal ids.
 */
export function spiffeIdOf(uris: readonly string[]): string | undefined {
  const [id, another] = uris;
  if (id === undefined || another !== undefined) return undefined;
  const prefix = 'spiffe://';
  if (!id.startsWith(prefix) || Buffer.byteLength(id) > longestId) return undefined;
  const [domain = '', ...path] = id.slice(prefix.length).split('/');
  if (!trustDomain.test(domain)) return undefined;
  return path.every((part) => segment.test(part) && part !== '.' && part !== '..') ? id : undefined;
}
