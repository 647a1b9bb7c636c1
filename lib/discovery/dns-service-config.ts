import { Resolver } from 'node:dns/promises';
import { hostname } from 'node:os';
import type { ServiceConfig } from '../contract/service-config.ts';
import { errorOf, kindOf } from '../contract/value-text.ts';

/** Looks up the TXT records of a name, each as a list of its parts. */
export type LookupText = (name: string) => Promise<readonly (readonly string[])[]>;

/** The client for which a service config is chosen. */
export interface ConfigClient {
  readonly hostname: string;
  /** From 0 to 100: a choice for that many per cent of the clients, or more, applies to this one. */
  readonly share: number;
}

const prefix = '_grpc_config.';
const attribute = 'grpc_config=';
const languages: readonly string[] = ['node', 'javascript'];
const choiceFields: readonly string[] = ['clientLanguage', 'percentage', 'clientHostname', 'serviceConfig'];
const lookupTimeoutMs = 5000;
/** Codes of lookups that found no such record. */
const nothingThere: readonly unknown[] = ['ENOTFOUND', 'ENODATA'];

export function lookupText(name: string): Promise<string[][]> {
  return new Resolver({ timeout: lookupTimeoutMs, tries: 1 }).resolveTxt(name);
}

export function thisClient(): ConfigClient {
  return { hostname: hostname(), share: Math.random() * 100 };
}

/**
 * The service config of a host in DNS (gRFC A2): the first choice of its TXT record that applies to this client.
 * Undefined: there is none; an Error: it cannot be looked up, or read.
 */
export async function dnsServiceConfig(
  host: string,
  client: ConfigClient,
  lookup: LookupText,
): Promise<ServiceConfig | Error | undefined> {
  const name = prefix + host;
  try {
    const texts = (await lookup(name)).map((parts) => parts.join(''));
    const text = texts.find((each) => each.startsWith(attribute));
    return text === undefined ? undefined : chosen(JSON.parse(text.slice(attribute.length)), client);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    return nothingThere.includes(code)
      ? undefined
      : new Error(`${name}: ${errorOf(cause).message}`, { cause });
  }
}

/** @throws TypeError for anything but a list of choices. */
function chosen(choices: unknown, client: ConfigClient): ServiceConfig | undefined {
  if (!Array.isArray(choices)) throw new TypeError(`grpc_config must be an array, not ${kindOf(choices)}`);
  const checked = choices.map((choice: unknown, i) => checkedChoice(`grpc_config[${i}]`, choice));
  return checked.find((choice) => isFor(choice, client))?.serviceConfig;
}

interface Choice {
  readonly clientLanguage?: readonly string[];
  readonly percentage?: number;
  readonly clientHostname?: readonly string[];
  readonly serviceConfig: ServiceConfig;
}

function checkedChoice(path: string, choice: unknown): Choice {
  if (typeof choice !== 'object' || choice === null) throw new TypeError(`${path} must be an object`);
  const unknown = Object.keys(choice).find((name) => !choiceFields.includes(name));
  if (unknown !== undefined) throw new TypeError(`${path} has no field ${unknown}`);
  const {
    clientLanguage = [],
    percentage = 0,
    clientHostname = [],
    serviceConfig,
  } = choice as Partial<Choice>;
  for (const [name, list] of Object.entries({ clientLanguage, clientHostname })) {
    if (!Array.isArray(list) || list.some((each) => typeof each !== 'string'))
      throw new TypeError(`${path}.${name} must be an array of strings`);
  }
  if (!Number.isInteger(percentage) || percentage < 0 || percentage > 100)
    throw new TypeError(`${path}.percentage must be a whole number from 0 to 100`);
  if (typeof serviceConfig !== 'object' || serviceConfig === null)
    throw new TypeError(`${path}.serviceConfig must be an object`);
  return choice as Choice;
}

function isFor(
  { clientLanguage = [], percentage, clientHostname = [] }: Choice,
  client: ConfigClient,
): boolean {
  const isOurs = (language: string): boolean => languages.includes(language.toLowerCase());
  if (clientLanguage.length > 0 && !clientLanguage.some(isOurs)) return false;
  if (clientHostname.length > 0 && !clientHostname.includes(client.hostname)) return false;
  return percentage === undefined || client.share < percentage;
}
