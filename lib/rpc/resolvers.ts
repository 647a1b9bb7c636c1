import { checkMethods } from '../contract/option-shapes.ts';
import { parseHostPort, type Target } from '../contract/target.ts';
import { DnsResolver } from '../discovery/dns-resolver.ts';
import { dnsServiceConfig, lookupText, thisClient } from '../discovery/dns-service-config.ts';
import { etcd } from '../discovery/etcd/etcd.ts';
import { lookupAll } from '../discovery/lookup.ts';
import type { Discovery, Resolver } from '../discovery/resolver.ts';
import { StaticResolver } from '../discovery/static-resolver.ts';

/** `dnsConfig`: whether a service config is looked up in DNS too. */
type MakeResolver = (target: Target, dnsConfig: boolean) => Resolver;

/** The schemes that a channel resolves itself. */
const builtIn: Readonly<Record<string, MakeResolver>> = {
  static: ({ endpoints }) => new StaticResolver(endpoints),
  dns: ({ path }, dnsConfig) => {
    const { host, port } = parseHostPort(path);
    if (!dnsConfig) return new DnsResolver(host, port);
    const client = thisClient();
    return new DnsResolver(host, port, lookupAll, () => dnsServiceConfig(host, client, lookupText));
  },
  etcd: ({ authority, path }) => etcd(authority === '' ? {} : { hosts: authority }).resolver(path),
};

/** @throws TypeError for an unknown scheme, or for a path that its resolver does not accept. */
export function resolverFor(
  target: Target,
  given: Resolver | Discovery | undefined,
  dnsConfig = false,
): Resolver {
  if (dnsConfig && (given !== undefined || target.scheme !== 'dns'))
    throw new TypeError('dnsServiceConfig needs a target with dns:, and no option resolver');
  if (given !== undefined) return givenResolver(given, target);
  const make = Object.hasOwn(builtIn, target.scheme) ? builtIn[target.scheme] : undefined;
  if (make === undefined && target.scheme === 'grpc')
    throw new TypeError(
      `the target grpc:///${target.path} needs the option resolver, or a form such as grpc://host:port, grpc:///dns:host:port or grpc:///etcd:Service`,
    );
  if (make === undefined) {
    const known = [...Object.keys(builtIn), 'tls', 'grpc', 'grpcs'].map((scheme) => `${scheme}://`);
    const meant = target.scheme === 'http' ? 'grpc' : target.scheme === 'https' ? 'grpcs' : undefined;
    const hint = meant === undefined ? '' : `; did you mean ${meant}://?`;
    throw new TypeError(
      `a target with ${target.scheme}:// needs the option resolver${hint}; known are host:port, ${known.join(', ')}`,
    );
  }
  return make(target, dnsConfig);
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
