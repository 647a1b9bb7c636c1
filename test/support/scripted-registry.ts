import type { RegisterOptions, Registration, Registry } from '../../lib/discovery/registry.ts';

/** A registry that notes what is done, and does what the test says; unit tests' stand-in for etcd. */
export class ScriptedRegistry implements Registry {
  readonly log: string[] = [];
  /** Before an instance is entered. */
  entering: (service: string, signal: AbortSignal | undefined) => Promise<void> = () => Promise.resolve();
  /** Before an entry is withdrawn. */
  leaving: () => Promise<void> = () => Promise.resolve();

  async register(service: string, address: string, options: RegisterOptions = {}): Promise<Registration> {
    await this.entering(service, options.signal);
    this.log.push(`+${service}@${address}`);
    const close = async (): Promise<void> => {
      await this.leaving();
      this.log.push(`-${service}@${address}`);
    };
    return {
      service,
      address,
      state: 'registered',
      lastError: undefined,
      onState: () => () => undefined,
      close,
      [Symbol.asyncDispose]: close,
    };
  }
}
