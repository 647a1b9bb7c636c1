import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { TestIdentity } from './test-authority.ts';

/** How the files of a secret are replaced. */
export type Replacement = 'rename' | 'write' | 'link';

/**
 * A folder with `tls.crt`, `tls.key` and `ca.crt`, as Kubernetes mounts it: links to `..data`, which links to a folder
 * and is replaced with it. Gone when the test ends.
 */
export class MountedSecret {
  readonly folder = mkdtempSync(join(tmpdir(), 'rocket-secret-'));
  readonly certFile = join(this.folder, 'tls.crt');
  readonly keyFile = join(this.folder, 'tls.key');
  readonly caFile = join(this.folder, 'ca.crt');
  #versions = 0;

  constructor(identity: Pick<TestIdentity, 'cert' | 'key'>, ca: string) {
    onTestFinished(() => rmSync(this.folder, { recursive: true, force: true }));
    this.link({ 'tls.crt': identity.cert, 'tls.key': identity.key, 'ca.crt': ca });
    for (const name of ['tls.crt', 'tls.key', 'ca.crt'])
      symlinkSync(join('..data', name), join(this.folder, name));
  }

  /** As Kubernetes does: all at once. */
  link(files: Readonly<Record<string, string>>): void {
    const version = `..version${++this.#versions}`;
    mkdirSync(join(this.folder, version));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(this.folder, version, name), text);
    symlinkSync(version, join(this.folder, '..data_tmp'));
    renameSync(join(this.folder, '..data_tmp'), join(this.folder, '..data'));
    if (this.#versions > 1) rmSync(join(this.folder, `..version${this.#versions - 1}`), { recursive: true });
  }

  /** One file by another in its place. */
  rename(name: string, text: string): void {
    writeFileSync(join(this.folder, 'new'), text);
    renameSync(join(this.folder, 'new'), join(this.folder, name));
  }

  /** Into the file itself. */
  write(name: string, text: string): void {
    writeFileSync(join(this.folder, name), text);
  }

  remove(name: string): void {
    rmSync(join(this.folder, name));
  }

  replace(how: Replacement, { cert, key }: Pick<TestIdentity, 'cert' | 'key'>, ca: string): void {
    if (how === 'link') return this.link({ 'tls.crt': cert, 'tls.key': key, 'ca.crt': ca });
    for (const [name, text] of [
      ['tls.crt', cert],
      ['tls.key', key],
      ['ca.crt', ca],
    ] as const)
      this[how](name, text);
  }
}
