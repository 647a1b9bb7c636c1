/** Where the library's own lines go. Must not throw; what it throws is swallowed, since logging never fails a call. */
export interface Logger {
  warn(line: string): void;
  error(line: string, error?: unknown): void;
}

/** Writes to stderr. */
export const consoleLogger: Logger = {
  warn: (line) => console.warn(`rocket-rpc: ${line}`),
  error: (line, error) =>
    error === undefined ? console.error(`rocket-rpc: ${line}`) : console.error(`rocket-rpc: ${line}`, error),
};

/** For `logger: false`. */
export const silentLogger: Logger = { warn: () => undefined, error: () => undefined };

/** A logger that cannot throw. */
export function safeLogger(logger: Logger | false | undefined): Logger {
  const target = logger === false ? silentLogger : (logger ?? consoleLogger);
  const guarded = (write: () => void): void => {
    try {
      write();
    } catch {
      // See Logger.
    }
  };
  return {
    warn: (line) => guarded(() => target.warn(line)),
    error: (line, error) => guarded(() => target.error(line, error)),
  };
}
