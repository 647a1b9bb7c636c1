import type protobuf from 'protobufjs';
import { GenFailure } from './gen-failure.ts';
import type { Protobuf, ProtobufTools } from './protobuf-tools.ts';
import { declarationLine, lineOfFailure } from './source-lines.ts';

export interface ParsedFile {
  readonly package: string;
  readonly imports: readonly string[];
}

/** Adds what a .proto declares to `root`; the objects get `label` as their filename. @throws GenFailure. */
export function parseFile(
  { protobuf }: ProtobufTools,
  root: protobuf.Root,
  label: string,
  source: string,
  keepCase: boolean,
): ParsedFile {
  const options = { keepCase, alternateCommentMode: true };
  try {
    parser(protobuf).filename = label;
    const parsed = protobuf.parse(source, root, options);
    return {
      package: parsed.package ?? '',
      imports: [...(parsed.imports ?? []), ...(parsed.weakImports ?? [])],
    };
  } catch (error) {
    throw new GenFailure(located(protobuf, label, source, keepCase, (error as Error).message));
  } finally {
    parser(protobuf).filename = null;
  }
}

/** A file of google/protobuf/ that protobufjs has built in; false when it has none of this name. */
export function bundledFile({ protobuf }: ProtobufTools, root: protobuf.Root, name: string): boolean {
  const bundled = protobuf.common.get(name);
  if (bundled === null) return false;
  root.addJSON(bundled.nested ?? {});
  const nameless = (object: protobuf.ReflectionObject): void => {
    if (object.filename !== null) return;
    object.filename = name;
    if (object instanceof protobuf.Namespace) object.nestedArray.forEach(nameless);
  };
  const namespace = root.lookup('google.protobuf');
  if (namespace instanceof protobuf.Namespace) namespace.nestedArray.forEach(nameless);
  return true;
}

/** protobufjs is told in a property of its function what file it reads. */
function parser(protobuf: Protobuf): { filename: string | null } {
  return protobuf.parse as unknown as { filename: string | null };
}

/** `illegal token '}' (order.proto, line 3)` as `order.proto:3: illegal token '}'`. */
function located(
  protobuf: Protobuf,
  label: string,
  source: string,
  keepCase: boolean,
  message: string,
): string {
  const [, what, line] = /^(.*) \((?:.*, )?line (\d+)\)$/s.exec(message) ?? [];
  if (what !== undefined && line !== undefined) return `${label}:${line}: ${what}`;
  return `${label}:${lineOf(protobuf, source, keepCase, message)}: ${message}`;
}

/** Names and numbers that are there twice are found without a line. */
function lineOf(protobuf: Protobuf, source: string, keepCase: boolean, message: string): number {
  const name = /^duplicate name '([^']+)'/.exec(message)?.[1];
  const declared = name && declarationLine(source, 'message|enum|service|oneof|rpc', name);
  if (declared) return declared;
  return lineOfFailure(source, message, (part) => {
    try {
      protobuf.parse(part, new protobuf.Root(), { keepCase });
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  });
}
