type CallFunction = (request: unknown, options?: never) => unknown;
type Stub = Record<string, CallFunction>;

/**
 * JavaScript calls some functions of any object implicitly: `await client` calls `then(resolve)`, JSON.stringify()
 * `toJSON(key)`, a template `toString()`. Where methods of a service have such names, these implicit calls must neither
 * be sent nor hang. They can be recognised: a request is an object, and JavaScript never passes one.
 */
export function guardImplicitCalls(stub: Stub): void {
  const inherited = Object.prototype as unknown as Readonly<Record<string, CallFunction>>;
  for (const [name, call] of Object.entries(stub)) {
    const implicit = name === 'then' ? settled(stub) : name === 'toJSON' ? () => ({}) : inherited[name];
    if (implicit === undefined) continue;
    stub[name] = (...args) => {
      const isRequest = typeof args[0] === 'object' && args[0] !== null;
      return isRequest ? call(...args) : implicit.apply(stub, args);
    };
  }
}

/** Resolves `await client` with an object like the client but without `then`, because `then` would be called again. */
function settled(stub: Stub): CallFunction {
  return (resolve) => {
    const { then: _, ...others } = stub;
    if (typeof resolve === 'function') resolve(others);
  };
}
