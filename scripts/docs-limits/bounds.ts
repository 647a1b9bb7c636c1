import ts from 'typescript';
import { parse } from './source.ts';

/** What the code does with a number it is given: a call of integerOption() or timeoutOption() (lib/contract/options.ts). */
export interface Bounds {
  /** Undefined: not a constant. */
  readonly fallback: number | undefined;
  readonly min: number | undefined;
  readonly max: number | undefined;
}

type Constants = ReadonlyMap<string, number>;

const optionsFile = 'lib/contract/options.ts';

/** Constants of a file, those inside its constant objects too, by name. */
export function constantsOf(file: string): Map<string, number> {
  const constants = new Map<string, number>();
  const note = (name: string, value: ts.Expression | undefined): void => {
    const number = value === undefined ? undefined : evaluate(value, constants);
    if (number !== undefined) constants.set(name, number);
  };
  for (const statement of parse(file).statements) {
    if (!ts.isVariableStatement(statement)) continue;
    for (const { name, initializer } of statement.declarationList.declarations) {
      if (!ts.isIdentifier(name)) continue;
      note(name.text, initializer);
      if (initializer === undefined || !ts.isObjectLiteralExpression(initializer)) continue;
      for (const property of initializer.properties) {
        if (ts.isPropertyAssignment(property) && ts.isIdentifier(property.name))
          note(property.name.text, property.initializer);
      }
    }
  }
  return constants;
}

/** The bounds that a file checks, by the name its errors have for the option. */
export function boundsIn(file: string, constants: Constants): Map<string, Bounds> {
  const all = new Map([...constantsOf(optionsFile), ...constants, ...constantsOf(file)]);
  const bounds = new Map<string, Bounds>();
  const visit = (node: ts.Node): void => {
    const found = ts.isCallExpression(node) ? boundsOf(node, all) : undefined;
    // The same option may be checked again, for a single call, with the first one's value to fall back on.
    if (found !== undefined && bounds.get(found.name)?.fallback === undefined) bounds.set(found.name, found);
    ts.forEachChild(node, visit);
  };
  visit(parse(file));
  return bounds;
}

function boundsOf(call: ts.CallExpression, constants: Constants): (Bounds & { name: string }) | undefined {
  if (!ts.isIdentifier(call.expression)) return undefined;
  const [name, , fallback, min, max] = call.arguments;
  if (name === undefined || fallback === undefined || !ts.isStringLiteral(name)) return undefined;
  const value = (expression: ts.Expression | undefined): number | undefined =>
    expression === undefined ? undefined : evaluate(expression, constants);
  if (call.expression.text === 'integerOption')
    return { name: name.text, fallback: value(fallback), min: value(min), max: value(max) };
  if (call.expression.text === 'timeoutOption') {
    const least = min === undefined ? 1 : value(min);
    return { name: name.text, fallback: value(fallback), min: least, max: constants.get('maxTimeoutMs') };
  }
  return undefined;
}

/** Of arithmetic on numbers and constants; undefined for anything else. */
function evaluate(node: ts.Expression, constants: Constants): number | undefined {
  if (ts.isNumericLiteral(node)) return Number(node.text);
  if (ts.isIdentifier(node)) return constants.get(node.text);
  if (ts.isParenthesizedExpression(node)) return evaluate(node.expression, constants);
  if (!ts.isBinaryExpression(node)) return undefined;
  const left = evaluate(node.left, constants);
  const right = evaluate(node.right, constants);
  if (left === undefined || right === undefined) return undefined;
  if (node.operatorToken.kind === ts.SyntaxKind.AsteriskToken) return left * right;
  if (node.operatorToken.kind === ts.SyntaxKind.LessThanLessThanToken) return left << right;
  return undefined;
}
