import { resolve } from 'node:path';
import { boolean, type CheckedOptions, checked, type OptionTable } from '../contract/option-table.ts';
import type { MadeTls, TlsFilesInUse } from '../contract/tls.ts';
import { shapeOf } from './tls-values.ts';
import { type FilesRead, readFiles } from './watched-files.ts';

/** Certificates and keys in files, of a server or a channel. */
export interface TlsFileOptions {
  /** A file with `cert`, or one for each of several certificates. Needs `keyFile`. */
  readonly certFile?: string | readonly string[];
  /** A file with `key`, or one for each of several keys; `passphrase` decrypts them. Needs `certFile`. */
  readonly keyFile?: string | readonly string[];
  /** A file with `ca`, or several. */
  readonly caFile?: string | readonly string[];
  /** A file with `crl`, or several. */
  readonly crlFile?: string | readonly string[];
  /**
   * Read those files again when they change; connections that are made from then on use the new contents. Files that
   * cannot be used, or do not belong together, leave the old ones in use. Default false.
   */
  readonly watch?: boolean;
}

export const tlsFileTable = {
  certFile: checked(pathList),
  keyFile: checked(pathList),
  caFile: checked(pathList),
  crlFile: checked(pathList),
  watch: boolean(false),
} satisfies OptionTable<TlsFileOptions>;

type FileOptions = CheckedOptions<typeof tlsFileTable>;

/** The option that takes the contents of the files of an option. */
const optionOf = { certFile: 'cert', keyFile: 'key', caFile: 'ca', crlFile: 'crl' } as const;
type FileOption = keyof typeof optionOf;
const fileOptions = Object.keys(optionOf) as FileOption[];

type FromFiles = { readonly [Name in (typeof optionOf)[FileOption]]?: readonly Uint8Array[] };

/** Calls `make` with the options, in which the files that they name are replaced by their contents. */
export function madeWithFiles<Options extends FileOptions, Made extends MadeTls<Made>>(
  options: Options,
  make: (options: Options & FromFiles, files: TlsFilesInUse<Made> | undefined) => Made,
): Made {
  const given = fileOptions.filter((name) => options[name] !== undefined);
  checkTogether(options, given);
  if (given.length === 0) return make(options, undefined);
  const paths = [...new Set(given.flatMap((name) => options[name] ?? []))];
  const made = (before: string | undefined): Made | undefined => {
    const { mark, digest, contents } = readOf(options, given, paths);
    if (digest === before) return undefined;
    const fromFiles = Object.fromEntries(
      given.map((name) => [optionOf[name], options[name]?.map((path) => contents.get(path) ?? noBytes)]),
    );
    const { watch } = options;
    const files = { watch, paths, mark, remake: () => made(digest) };
    try {
      return make({ ...options, ...fromFiles }, files);
    } catch (error) {
      throw namingFiles(error, options, given);
    }
  };
  const first = made(undefined);
  if (first === undefined) throw new Error('unreachable: there was nothing before');
  return first;
}

const noBytes = new Uint8Array();

function checkTogether(options: FileOptions, given: readonly FileOption[]): void {
  const values = options as unknown as Readonly<Record<string, unknown>>;
  for (const name of given)
    if (values[optionOf[name]] !== undefined)
      throw new TypeError(`tls.${optionOf[name]} and tls.${name} are the same twice: give one of them`);
  if ((options.certFile === undefined) !== (options.keyFile === undefined))
    throw new TypeError(
      options.keyFile === undefined
        ? 'tls.certFile needs tls.keyFile: a new certificate has a new key'
        : 'tls.keyFile needs tls.certFile',
    );
  if (options.watch && given.length === 0)
    throw new TypeError(
      `tls.watch needs files to watch: ${fileOptions.map((name) => `tls.${name}`).join(', ')}`,
    );
}

function readOf(options: FileOptions, given: readonly FileOption[], paths: readonly string[]): FilesRead {
  try {
    return readFiles(paths);
  } catch (thrown) {
    const { message, code } = thrown as NodeJS.ErrnoException;
    const names = given.filter((name) => options[name]?.some((path) => message.includes(path)));
    const error = new Error(`${names.map((name) => `tls.${name}`).join(', ')} cannot be read: ${message}`);
    throw code === undefined ? error : Object.assign(error, { code });
  }
}

/**
 * Names the file option in an error: the core and the checks speak of `tls.cert` where the user gave `tls.certFile`.
 */
function namingFiles(thrown: unknown, options: FileOptions, given: readonly FileOption[]): unknown {
  if (!(thrown instanceof TypeError)) return thrown;
  const used = new Set<FileOption>();
  const text = thrown.message.replace(
    /\btls\.(cert|key|ca|crl)(\[\d+\])?(?!\w)/g,
    (found, option: string) => {
      const name = given.find((each) => optionOf[each] === option);
      if (name === undefined) return found;
      used.add(name);
      return `tls.${name}`;
    },
  );
  if (used.size === 0) return thrown;
  const files = [...used].map((name) => `tls.${name}: ${options[name]?.join(', ')}`);
  return new TypeError(`${text} (${files.join('; ')})`);
}

function pathList(
  name: string,
  value: string | readonly string[] | undefined,
): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0) throw new TypeError(`${name} is an empty list`);
  return Array.from(list, (path, i) => pathOf(Array.isArray(value) ? `${name}[${i}]` : name, path));
}

/** Errors quote paths: a key that was given in place of a path must not end up in a log. */
function pathOf(name: string, value: unknown): string {
  if (typeof value !== 'string')
    throw new TypeError(`${name} must be the path of a file, not ${shapeOf(value)}`);
  if (value === '' || value.includes('\0'))
    throw new TypeError(
      `${name} must be the path of a file, not ${value === '' ? 'an empty string' : 'with a NUL'}`,
    );
  if (/[\r\n]|-----BEGIN|^[\w+/=]{100,}$/.test(value)) {
    const plain = name.replace(/File(\[\d+\])?$/, '');
    throw new TypeError(`${name} must be the path of a file; what is in it goes into ${plain}`);
  }
  return resolve(value);
}
