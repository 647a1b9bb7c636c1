/** What `run` returns while all objects of the process have `value` as `name`. */
export function polluted<T>(name: string, value: unknown, run: () => T): T {
  if (name in Object.prototype) throw new Error(`all objects have ${name}`);
  Object.defineProperty(Object.prototype, name, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
  try {
    return run();
  } finally {
    Reflect.deleteProperty(Object.prototype, name);
  }
}
