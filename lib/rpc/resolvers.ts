import { DnsResolver } from '../discovery/dns-resolver.ts';
import { etcd } from '../discovery/etcd/etcd.ts';
import type { Discovery, Resolver } from '../discovery/resolver.ts';
import { StaticResolver } from '../discovery/static-resolver.ts';
import { parseHostPort, type Target } from './target.ts';

type MakeResolver = (target: Target) => Resolver;

/** The schemes a channel knows by itself. */
const builtIn: Readonly<Record<string, MakeResolver>> = {
  static: ({ endpoints }) => new StaticResolver(endpoints),
  dns: ({ path }) => {
    const { host, port } = parseHostPort(path);
    return new DnsResolver(host, port);
  },
  etcd: ({ authority, path }) => etcd(authority === '' ? {} : { hosts: authority }).resolver(path),
};

/** @throws TypeError for a scheme nobody knows, or a path its resolver cannot do with. */
export function resolverFor(target: Target, given: Resolver | Discovery | undefined): Resolver {
  if (given !== undefined) return 'resolver' in given ? given.resolver(target.path) : given;
  const make = Object.hasOwn(builtIn, target.scheme) ? builtIn[target.scheme] : undefined;
  if (make === undefined) {
    const known = Object.keys(builtIn).map((scheme) => `${scheme}://`);
    throw new TypeError(
      `a target with ${target.scheme}:// needs the option resolver; known are ${known.join(', ')}`,
    );
  }
  return make(target);
}
