/** Why a .proto file cannot be used: `file:line: reason`. */
export class ProtoError extends Error {
  override readonly name = 'ProtoError';

  constructor(file: string, line: number | undefined, what: string) {
    super(`${file}:${line === undefined ? '' : `${line}:`} ${what}`);
  }
}
