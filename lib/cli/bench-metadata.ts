import { Metadata } from '../index.ts';
import { badValue, listOption, type Values } from './bench-usage.ts';

/** The metadata of all `--metadata key=value`; undefined if there is none. @throws UsageError. */
export function metadataOf(values: Values): Readonly<Record<string, string>> | undefined {
  const given = listOption(values, 'metadata');
  if (given.length === 0) return undefined;
  const metadata = new Metadata();
  for (const pair of given) {
    const at = pair.indexOf('=');
    const key = pair.slice(0, at);
    if (at < 1) throw badValue(values, 'metadata', `must be key=value, not ${JSON.stringify(pair)}`);
    if (metadata.has(key)) throw badValue(values, 'metadata', `has the key ${key} twice`);
    try {
      metadata.set(key, pair.slice(at + 1)).encode();
    } catch (error) {
      throw badValue(values, 'metadata', (error as Error).message.replace(/^metadata /, ''));
    }
  }
  return metadata.toJSON();
}
