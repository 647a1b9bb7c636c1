import type { Option, Outline } from './outline.ts';
import { ProtoError } from './proto-error.ts';

/** Features of editions, and their values; undefined if they do not affect what is written or read here. */
const known = new Map<string, readonly string[] | undefined>([
  ['field_presence', ['EXPLICIT', 'IMPLICIT', 'LEGACY_REQUIRED']],
  ['enum_type', ['OPEN', 'CLOSED']],
  ['repeated_field_encoding', ['PACKED', 'EXPANDED']],
  ['utf8_validation', ['VERIFY', 'NONE']],
  ['message_encoding', ['LENGTH_PREFIXED', 'DELIMITED']],
  ['json_format', ['ALLOW', 'LEGACY_BEST_EFFORT']],
  ['enforce_naming_style', undefined],
  ['default_symbol_visibility', undefined],
]);

/** @throws ProtoError for an unknown feature: ignoring it could change the bytes on the wire. */
export function checkFeatures(options: readonly Option[], { file, syntax }: Outline): void {
  for (const { name, value, line } of options) {
    if (name !== 'features' && !name.startsWith('features.')) continue;
    if (syntax.startsWith('proto')) throw new ProtoError(file, line, `${name}: ${syntax} has no features`);
    if (value === undefined)
      throw new ProtoError(
        file,
        line,
        'features are set one by one here: features.field_presence = IMPLICIT',
      );
    const feature = name.slice('features.'.length);
    // Those of a language, features.(pb.cpp).string_type, are not ours.
    if (feature.startsWith('(')) continue;
    const values = known.get(feature);
    if (!known.has(feature)) throw new ProtoError(file, line, `${name} is not supported`);
    if (values !== undefined && !values.includes(value))
      throw new ProtoError(file, line, `${name} = ${value}: ${values.join(' or ')} expected`);
  }
}
