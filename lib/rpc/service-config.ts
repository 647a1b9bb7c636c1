import type { BalancerName } from '../balance/balancers.ts';
import type { MethodDefinition } from '../contract/service.ts';
import type { ServiceConfig } from '../contract/service-config.ts';
import { kindOf, messageOf } from '../contract/value-text.ts';
import { ConfigFields } from './config-fields.ts';
import { type MethodPlan, methodConfigFields, methodPlan, namesOf } from './method-config.ts';
import type { ThrottleSettings } from './retry-throttle.ts';

/** A service config that has been read and is valid. */
export interface CheckedConfig {
  readonly balancer: BalancerName | undefined;
  readonly throttling: ThrottleSettings | undefined;
  /** The service whose health decides which endpoints are used; undefined: health is not watched. */
  readonly healthService: string | undefined;
  /** The entry for a method; undefined: there is none. */
  planOf(method: MethodDefinition): MethodPlan | undefined;
}

/** The names of balancers in gRPC, and our own. */
const balancers: Readonly<Record<string, BalancerName>> = {
  pick_first: 'pick_first',
  round_robin: 'round_robin',
  weighted_round_robin: 'weighted_round_robin',
  ring_hash: 'consistent_hash',
  ring_hash_experimental: 'consistent_hash',
  consistent_hash: 'consistent_hash',
  p2c_ewma: 'p2c_ewma',
};

const topFields = [
  'loadBalancingPolicy',
  'loadBalancingConfig',
  'methodConfig',
  'retryThrottling',
  'healthCheckConfig',
];
const throttlingFields = ['maxTokens', 'tokenRatio'];
const healthFields = ['serviceName'];

/**
 * `given`: an object or its JSON text. `isStrict`: unknown fields are errors.
 *
 * @throws TypeError or RangeError that names the field, `serviceConfig.methodConfig[0].timeout`.
 */
export function checkedConfig(given: ServiceConfig | string, isStrict: boolean): CheckedConfig {
  const fields = new ConfigFields('serviceConfig', parsed(given), isStrict, topFields);
  const plans = plansOf(fields);
  return {
    balancer: balancerOf(fields),
    throttling: throttlingOf(fields.object('retryThrottling', throttlingFields)),
    healthService: fields.object('healthCheckConfig', healthFields)?.text('serviceName'),
    planOf: ({ wireName }) =>
      plans.get(wireName) ?? plans.get(wireName.slice(0, wireName.lastIndexOf('.') + 1)) ?? plans.get(''),
  };
}

function parsed(given: unknown): unknown {
  if (typeof given !== 'string') return given;
  try {
    return JSON.parse(given);
  } catch (cause) {
    throw new TypeError(`serviceConfig is not JSON: ${messageOf(cause)}`, { cause });
  }
}

function plansOf(fields: ConfigFields): Map<string, MethodPlan> {
  const plans = new Map<string, MethodPlan>();
  for (const entry of fields.objects('methodConfig', methodConfigFields)) {
    const plan = methodPlan(entry);
    for (const { path, key } of namesOf(entry)) {
      if (plans.has(key)) throw new TypeError(`${path} is in the config twice`);
      plans.set(key, plan);
    }
  }
  return plans;
}

function balancerOf(fields: ConfigFields): BalancerName | undefined {
  const list = fields.list('loadBalancingConfig');
  const names = list.map((value, i) => policyName(`${fields.at('loadBalancingConfig')}[${i}]`, value));
  if (names.length > 0) {
    const known = names.find((name) => Object.hasOwn(balancers, name));
    if (known !== undefined) return balancers[known];
    throw unknownBalancer(fields.at('loadBalancingConfig'), names);
  }
  const policy = fields.text('loadBalancingPolicy');
  if (policy === '') return undefined;
  // The enum of the .proto is in upper case.
  const name = policy.toLowerCase();
  if (Object.hasOwn(balancers, name)) return balancers[name];
  throw unknownBalancer(fields.at('loadBalancingPolicy'), [policy]);
}

function unknownBalancer(path: string, names: readonly string[]): TypeError {
  const known = Object.keys(balancers).join(', ');
  return new TypeError(`${path}: there is no balancer ${names.join(' or ')}; there are ${known}`);
}

function policyName(path: string, value: unknown): string {
  const names =
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
  const [name] = names;
  if (name === undefined || names.length > 1)
    throw new TypeError(`${path} must be an object with the name of one balancer, not ${kindOf(value)}`);
  return name;
}

function throttlingOf(fields: ConfigFields | undefined): ThrottleSettings | undefined {
  if (fields === undefined) return undefined;
  const maxTokens = fields.integer('maxTokens', 1, 1000);
  // gRFC A6: further decimal places are ignored.
  const tokenRatio = Math.floor(fields.positive('tokenRatio') * 1000 + 1e-9) / 1000;
  if (tokenRatio === 0) throw new RangeError(`${fields.at('tokenRatio')} must be from 0.001`);
  return { maxTokens, tokenRatio };
}
