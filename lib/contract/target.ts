import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';

/** One place to connect to, before names are looked up. */
export interface TargetEndpoint {
  /** As written in the target; the endpoint's name in errors and stats. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** `ip:port`, `[ipv6]:port` or `unix:/path` if no name has to be resolved. */
  readonly address: string | undefined;
}

export interface Target {
  /** `static` for every form that names its endpoints itself; otherwise the part before `://`. */
  readonly scheme: string;
  readonly endpoints: readonly TargetEndpoint[];
  /** The part between `scheme://` and the next `/`: hosts to ask, for some schemes. */
  readonly authority: string;
  /** The part after `scheme:///` or `scheme://authority/`. */
  readonly path: string;
  /** Set by `grpc://` and `grpcs://`. */
  readonly protocol?: 'grpc';
  /** Set by `tls://` and `grpcs://`. */
  readonly tls?: true;
}

const forms = 'host:port, [ipv6]:port, unix:/path, static:///a:1,b:2 or, for gRPC, grpc://host:port';

/** The part after `unix:` or, before an absolute path, `unix://`. */
function unixPath(text: string): string {
  const path = text.slice('unix:'.length).replace(/^\/\/(?=\/)/, '');
  const shown = JSON.stringify(text);
  if (path === '' || Buffer.byteLength(path) > 107)
    throw new TypeError(`unix: needs a path of 1 to 107 bytes: ${shown}`);
  if (path.includes('\0')) throw new TypeError(`unix: a path has no NUL in it: ${shown}`);
  if (/^\/\/[^/]/.test(path))
    throw new TypeError(`unix:// needs an absolute path, as in unix:///x: ${shown}`);
  if (path === '@') throw new TypeError(`unix:@ needs the name of an abstract socket: ${shown}`);
  if (path.startsWith('@') && process.platform !== 'linux')
    throw new TypeError(`abstract sockets exist on Linux only (for a file: unix:./@name): ${shown}`);
  return path;
}

const hostPortPattern = /^(?:\[([^\]]+)\]|([^:[\]/\s]+)):(\d{1,5})$/;

/** @throws TypeError that shows the accepted forms. */
export function parseHostPort(text: string): TargetEndpoint {
  const match = hostPortPattern.exec(text.includes('\0') ? '' : text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535)
    throw new TypeError(`not an address: ${JSON.stringify(text)}; use ${forms}`);
  const bracketed = match[1];
  if (bracketed !== undefined && isIP(bracketed) !== 6)
    throw new TypeError(`not an IPv6 address: [${bracketed}]`);
  const host = bracketed ?? match[2]!;
  const numeric = isIP(host) !== 0;
  return { name: text, host, port, address: numeric ? text : undefined };
}

/**
 * Reads a target: `host:port`, `[ipv6]:port`, `unix:/path`, `static:///a:1,b:2`, or `scheme://[authority]/path` for a resolver;
 * with `grpc://` or `grpc:///` before it, one that speaks gRPC: `grpc:///dns:host:port` for `dns:///host:port`; with
 * `tls` or `grpcs` in place of it, one that speaks TinyPB or gRPC over TLS.
 *
 * @throws TypeError that shows the accepted forms.
 */
export function parseTarget(text: string): Target {
  if (typeof text !== 'string' || text === '') throw new TypeError(`a target is needed: ${forms}`);
  if (text.startsWith('unix:')) {
    const path = unixPath(text);
    const name = `unix:${path}`;
    const endpoints = [{ name, host: '', port: 0, address: name }];
    return { scheme: 'static', endpoints, authority: '', path };
  }
  const scheme = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/.exec(text);
  if (scheme === null)
    return { scheme: 'static', endpoints: [parseHostPort(text)], authority: '', path: text };
  const [, name, rest] = scheme as unknown as [string, string, string];
  if (name === 'grpc') return parseGrpcTarget(rest, text);
  if (name === 'grpcs') return { ...parseGrpcTarget(rest, text), tls: true };
  if (name === 'tls') return { ...parseTlsTarget(rest, text), tls: true };
  if (name === 'static') {
    const path = rest.replace(/^\//, '');
    const endpoints = path.split(',').map((part) => parseHostPort(part.trim()));
    return { scheme: name, endpoints, authority: '', path };
  }
  const slash = rest.indexOf('/');
  const authority = slash < 0 ? '' : rest.slice(0, slash);
  return { scheme: name, endpoints: [], authority, path: rest.slice(slash + 1) };
}

/** `rest`: the part after `tls://`. */
function parseTlsTarget(rest: string, text: string): Target {
  const inner = rest.replace(/^\//, '');
  if (inner.startsWith('unix:') || hostPortPattern.test(inner)) return parseTarget(inner);
  const scheme = /^(?!tls:|grpcs?:)([a-z][a-z0-9+.-]*):(.+)$/.exec(inner);
  if (rest === inner || scheme === null)
    throw new TypeError(`not a target: ${JSON.stringify(text)}; use tls://host:port or tls:///scheme:path`);
  return parseTarget(inner.includes('://') ? inner : `${scheme[1]}:///${scheme[2]}`);
}

/** The host of `host:port` or `[ipv6]:port`; empty for anything else. */
export function hostOf(name: string): string {
  const match = hostPortPattern.exec(name);
  return match?.[1] ?? match?.[2] ?? '';
}

/**
 * The name that the certificate of a host must be for: without the trailing dot of a full name, which neither
 * certificates nor SNI have, and without the zone of an IPv6 address, which has a meaning on this machine only.
 */
export function certificateNameOf(host: string): string {
  if (isIP(host) !== 0) return host.replace(/%.*$/, '');
  const isAscii = /^\p{ASCII}*$/u.test(host) || /[\s\p{Cc}]/u.test(host);
  const name = isAscii ? host : domainToASCII(host) || host;
  return name.replace(/(?<=[^.])\.$/, '');
}

/** `rest`: the part after `grpc://`. */
function parseGrpcTarget(rest: string, text: string): Target {
  const inner = rest.replace(/^\//, '');
  const protocol = 'grpc';
  if (inner === '' || inner.startsWith('grpc:'))
    throw new TypeError(`not a target: ${JSON.stringify(text)}; use ${forms}`);
  if (inner.startsWith('unix:') || hostPortPattern.test(inner)) return { ...parseTarget(inner), protocol };
  if (rest === inner) throw new TypeError(`not an address: ${JSON.stringify(rest)}; use ${forms}`);
  if (inner.includes('://')) return { ...parseTarget(inner), protocol };
  const scheme = /^([a-z][a-z0-9+.-]*):(.+)$/.exec(inner);
  if (scheme !== null) return { ...parseTarget(`${scheme[1]}:///${scheme[2]}`), protocol };
  // For a resolver that is given as an option.
  return { scheme: 'grpc', endpoints: [], authority: '', path: inner, protocol };
}
