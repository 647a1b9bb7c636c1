import ts from 'typescript';
import { parse } from './source.ts';

/** An option as its doc comment describes it. */
export interface Documented {
  readonly name: string;
  /** The comment without its sentence about the default. */
  readonly text: string;
  /** What follows `Default`, up to the end of the sentence. */
  readonly fallback: string | undefined;
}

/** The fields of an interface, and those of object types inside it as `outer.inner`. */
export function documentedOptions(file: string, interfaceName: string): Documented[] {
  const found = parse(file).statements.find(
    (statement): statement is ts.InterfaceDeclaration =>
      ts.isInterfaceDeclaration(statement) && statement.name.text === interfaceName,
  );
  if (found === undefined) throw new Error(`${file} has no interface ${interfaceName}`);
  return membersOf(found.members, '');
}

function membersOf(members: readonly ts.TypeElement[], prefix: string): Documented[] {
  return members.filter(ts.isPropertySignature).flatMap((member) => {
    const name = prefix + member.name.getText();
    if (member.type !== undefined && ts.isTypeLiteralNode(member.type))
      return membersOf(member.type.members, `${name}.`);
    return [{ name, ...splitDefault(commentOf(member)) }];
  });
}

function commentOf(member: ts.Node): string {
  const [comment] = ts.getJSDocCommentsAndTags(member).filter(ts.isJSDoc);
  return (ts.getTextOfJSDocComment(comment?.comment) ?? '').replaceAll(/\s+/g, ' ');
}

/** `Bytes. Default 4 MiB. More.` is `Bytes. More.` and `4 MiB`. */
export function splitDefault(comment: string): { text: string; fallback: string | undefined } {
  const match = /(^|\s)Default:? (.+?)\.(?=\s|$)/.exec(comment);
  if (match === null) return { text: comment, fallback: undefined };
  const text = comment.slice(0, match.index) + comment.slice(match.index + match[0].length);
  return { text: text.trim(), fallback: match[2] };
}
