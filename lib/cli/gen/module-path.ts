import { posix } from 'node:path';

/** `shop/v1/order.proto` is `shop/v1/order`, with `.js` and `.d.ts` behind it. */
export function modulePath(file: string): string {
  return file.replace(/\.proto$/, '');
}

/** How the module of one .proto imports the module of another, as it stands between single quotes. */
export function importPath(from: string, to: string): string {
  const path = posix.relative(posix.dirname(from), `${modulePath(to)}.js`);
  return (path.startsWith('.') ? path : `./${path}`).replaceAll("'", "\\'");
}

/** The name by which a module refers to an imported one. No .proto can declare this name. */
export function importName(index: number): string {
  return `$${index + 1}`;
}
