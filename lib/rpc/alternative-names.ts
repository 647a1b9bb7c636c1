/**
 * The alternative names in a certificate by kind, each as the certificate has it. Names of other kinds are left out.
 */
export interface AlternativeNames {
  /** `DNS:`, host names. */
  readonly dns: readonly string[];
  /** `URI:`, `spiffe://` among them. */
  readonly uris: readonly string[];
  /** `IP Address:` */
  readonly ips: readonly string[];
  /** `email:` */
  readonly emails: readonly string[];
}

/**
 * Parses `subjectAltName` of an X509Certificate: `DNS:a, URI:"b, c"`. Node.js quotes a name that contains a separator
 * as a JSON string, so one name is never read as several. For text of any other form the result has no names at all.
 */
export function alternativeNames(text: string | undefined): AlternativeNames {
  const found: Record<keyof AlternativeNames, string[]> = { dns: [], uris: [], ips: [], emails: [] };
  let rest = text ?? '';
  while (rest !== '') {
    const [whole, kind, quoted, plain] = entry.exec(rest) ?? [];
    if (whole === undefined || kind === undefined) return none;
    rest = rest.slice(whole.length);
    if (rest === '' && whole.endsWith(', ')) return none;
    const list = kinds.get(kind);
    if (list === undefined) continue;
    const name = quoted === undefined ? plain : unquoted(quoted);
    if (name === undefined) return none;
    found[list].push(name);
  }
  return frozen(found);
}

/** A kind, its name with or without quotes, and the separator before the next entry. */
const entry = /^([A-Za-z][A-Za-z ]*):(?:("(?:[^"\\]|\\.)*")|([^,"]*))(?:, |$)/;

const kinds: ReadonlyMap<string, keyof AlternativeNames> = new Map([
  ['DNS', 'dns'],
  ['URI', 'uris'],
  ['IP Address', 'ips'],
  ['email', 'emails'],
]);

function unquoted(text: string): string | undefined {
  try {
    return JSON.parse(text) as string;
  } catch {
    return undefined;
  }
}

function frozen({ dns, uris, ips, emails }: AlternativeNames): AlternativeNames {
  for (const list of [dns, uris, ips, emails]) Object.freeze(list);
  return Object.freeze({ dns, uris, ips, emails });
}

const none = frozen({ dns: [], uris: [], ips: [], emails: [] });
