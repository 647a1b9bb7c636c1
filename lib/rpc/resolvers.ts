import { checkMethods } from '../contract/option-shapes.ts';
import { parseHostPort, type Target } from '../contract/target.ts';
import { DnsResolver } from '../discovery/dns-resolver.ts';
import { etcd } from '../discovery/etcd/etcd.ts';
import type { Discovery, Resolver } from '../discovery/resolver.ts';
import { StaticResolver } from '../discovery/static-resolver.ts';

type MakeResolver = (target: Target) => Resolver;

/** The schemes that a channel resolves itself. */
const builtIn: Readonly<Record<string, MakeResolver>> = {
  static: ({ endpoints }) => new StaticResolver(endpoints),
  dns: ({ path }) => {
    const { host, port } = parseHostPort(path);
    return new DnsResolver(host, port);
  },
  etcd: ({ authority, path }) => etcd(authority === '' ? {} : { hosts: authority }).resolver(path),
};

/** @throws TypeError for an unknown scheme, or for a path that its resolver does not accept. */
export function resolverFor(target: Target, given: Resolver | Discovery | undefined): Resolver {
  if (given !== undefined) return givenResolver(given, target);
  const make = Object.hasOwn(builtIn, target.scheme) ? builtIn[target.scheme] : undefined;
  if (make === undefined && target.scheme === 'grpc')
    throw new TypeError(
      `the target grpc:///${target.path} needs the option resolver, or a form such as grpc://host:port, grpc:///dns:host:port or grpc:///etcd:Service`,
    );
  if (make === undefined) {
    const known = Object.keys(builtIn).map((scheme) => `${scheme}://`);
    throw new TypeError(
      `a target with ${target.scheme}:// needs the option resolver; known are ${known.join(', ')}`,
    );
  }
  return make(target);
}

function givenResolver(given: Resolver | Discovery, target: Target): Resolver {
  const isDiscovery = typeof given === 'object' && given !== null && 'resolver' in given;
  if (!isDiscovery) {
    checkMethods('resolver', given, resolverMethods, 'a Resolver, or a Discovery such as etcd()');
    return given;
  }
  checkMethods('resolver', given, ['resolver'], 'a Resolver, or a Discovery such as etcd()');
  const made = given.resolver(target.path);
  checkMethods('what resolver() of the option resolver returns', made, resolverMethods, 'a Resolver');
  return made;
}

const resolverMethods = ['start', 'refresh', 'close'];
