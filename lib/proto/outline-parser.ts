import { readBody, readNumber, readOption, readRanges } from './declarations.ts';
import { readEnum } from './enum-parser.ts';
import type {
  EnumOutline,
  ExtensionOutline,
  FieldOutline,
  Import,
  MessageOutline,
  Option,
  Outline,
  Range,
  ServiceOutline,
} from './outline.ts';
import { readService } from './service-parser.ts';
import { TokenReader } from './token-reader.ts';

/** Reads a whole .proto. @throws ProtoError with the line of the syntax error. */
export function outlineOf(source: string, file: string): Outline {
  return new OutlineParser(source, file).file();
}

/** The declarations of a message or a file. */
interface Body {
  fields: FieldOutline[];
  oneofs: { name: string; line: number; options: readonly Option[] }[];
  types: (MessageOutline | EnumOutline)[];
  services: ServiceOutline[];
  extensions: ExtensionOutline[];
  options: Option[];
  ranges: Range[];
  names: string[];
  extensionRanges: Range[];
}

function emptyBody(): Body {
  return {
    fields: [],
    oneofs: [],
    types: [],
    services: [],
    extensions: [],
    options: [],
    ranges: [],
    names: [],
    extensionRanges: [],
  };
}

const modifiers = ['public', 'weak'] as const;
const labels = ['optional', 'required', 'repeated'] as const;
/** Deeper than any real .proto; protobufjs has its own limit. */
const deepest = 100;

class OutlineParser {
  readonly #tokens: TokenReader;
  readonly #file: string;
  #syntax = 'proto2';
  #depth = 0;

  constructor(source: string, file: string) {
    this.#tokens = new TokenReader(source, file);
    this.#file = file;
  }

  /** `export`, `local` and `import option` came with edition 2024. */
  get #hasVisibility(): boolean {
    return this.#syntax.startsWith('20') && this.#syntax >= '2024';
  }

  file(): Outline {
    const tokens = this.#tokens;
    const imports: Import[] = [];
    const body = emptyBody();
    let [packageName, packageLine] = ['', 0];
    if (tokens.isNext('syntax') || tokens.isNext('edition')) this.#syntaxOrEdition();
    while (!tokens.atEnd) {
      if (tokens.skip(';')) continue;
      const { line } = tokens;
      if (tokens.skip('import')) {
        const read = this.#import(line);
        if (read !== undefined) imports.push(read);
      } else if (tokens.skip('package')) {
        if (packageLine > 0) throw tokens.error('a second package', line);
        packageLine = line;
        packageName = tokens.path();
        tokens.expect(';');
      } else if (!this.#common(body)) throw tokens.illegal();
    }
    const { types, services, extensions, options } = body;
    return {
      file: this.#file,
      syntax: this.#syntax,
      package: packageName,
      packageLine: packageLine || 1,
      imports,
      types,
      services,
      extensions,
      options,
    };
  }

  #syntaxOrEdition(): void {
    const tokens = this.#tokens;
    const { text: word, line } = tokens.next();
    tokens.expect('=');
    const value = tokens.strings();
    const known = word === 'syntax' ? ['proto2', 'proto3'] : ['2023', '2024', '2026'];
    if (!known.includes(value))
      throw tokens.error(`illegal ${word} '${value}', ${known.join(' or ')} expected`, line);
    tokens.expect(';');
    this.#syntax = value;
  }

  #import(line: number): Import | undefined {
    const tokens = this.#tokens;
    // An import that is only for options, which are not read.
    const isOfOptions = this.#hasVisibility && tokens.skip('option');
    const modifier = isOfOptions ? undefined : modifiers.find((each) => tokens.skip(each));
    const name = tokens.strings();
    tokens.expect(';');
    return isOfOptions ? undefined : { name, line, modifier };
  }

  /**
   * Reads a declaration that is allowed in a file and, except for services, in a message; false if it is something
   * else.
   */
  #common(body: Body): boolean {
    const tokens = this.#tokens;
    if (this.#hasVisibility && (tokens.isNext('export') || tokens.isNext('local'))) tokens.next();
    const { line } = tokens;
    if (tokens.skip('message')) body.types.push(this.#message(line));
    else if (tokens.skip('enum')) body.types.push(readEnum(tokens, line));
    else if (tokens.skip('service')) body.services.push(readService(tokens, line));
    else if (tokens.skip('extend')) body.extensions.push(this.#extension(line, body));
    else if (tokens.skip('option')) body.options.push(readOption(tokens, line));
    else return false;
    return true;
  }

  #message(line: number, name = this.#tokens.name()): MessageOutline {
    if (++this.#depth > deepest)
      throw this.#tokens.error(`messages are nested more than ${deepest} deep`, line);
    const tokens = this.#tokens;
    const body = emptyBody();
    readBody(tokens, undefined, (at) => {
      if (tokens.isNext('service')) throw tokens.illegal();
      if (this.#common(body)) return;
      if (tokens.skip('oneof')) this.#oneof(at, body);
      else if (tokens.skip('extensions')) readRanges(tokens, body.extensionRanges, undefined);
      else if (tokens.skip('reserved')) readRanges(tokens, body.ranges, body.names);
      else body.fields.push(this.#field(body, undefined));
    });
    this.#depth--;
    const { fields, oneofs, types, extensions, options, ranges, names, extensionRanges } = body;
    const reserved = { ranges, names };
    return {
      is: 'message',
      name,
      line,
      options,
      fields,
      oneofs,
      types,
      extensions,
      reserved,
      extensionRanges,
    };
  }

  #oneof(line: number, body: Body): void {
    const tokens = this.#tokens;
    const name = tokens.name();
    const options: Option[] = [];
    const before = body.fields.length;
    readBody(tokens, options, () => body.fields.push(this.#field(body, name)));
    if (body.fields.length === before) throw tokens.error(`oneof ${name} has no fields`, line);
    body.oneofs.push({ name, line, options });
  }

  #field(body: Body, oneof: string | undefined): FieldOutline {
    const tokens = this.#tokens;
    const label = oneof === undefined ? labels.find((each) => tokens.skip(each)) : undefined;
    if (label === undefined && oneof === undefined && tokens.isNext('map') && tokens.isNext('<', 1))
      return this.#map();
    const { line: start } = tokens;
    if (tokens.isNext('group') && tokens.isKind('name', 1)) return this.#group(body, label, oneof, start);
    const type = tokens.path(true);
    const { line } = tokens;
    const name = tokens.name();
    const { number, options } = readNumber(tokens);
    tokens.expect(';');
    return { name, line, number, options, label, type, key: undefined, oneof, isGroup: false };
  }

  #map(): FieldOutline {
    const tokens = this.#tokens;
    tokens.next();
    tokens.expect('<');
    const key = tokens.name();
    tokens.expect(',');
    const type = tokens.path(true);
    tokens.expect('>');
    const { line } = tokens;
    const name = tokens.name();
    const { number, options } = readNumber(tokens);
    tokens.expect(';');
    const [label, oneof] = [undefined, undefined];
    return { name, line, number, options, label, type, key, oneof, isGroup: false };
  }

  /** Declares a message, and a field of that type whose name is the same with a lower-case first letter. */
  #group(body: Body, label: FieldOutline['label'], oneof: string | undefined, line: number): FieldOutline {
    const tokens = this.#tokens;
    tokens.next();
    const type = tokens.name();
    if (!/^[A-Z]/.test(type)) throw tokens.error(`group ${type} must begin with a capital letter`, line);
    const { number, options } = readNumber(tokens);
    body.types.push(this.#message(line, type));
    const name = type.charAt(0).toLowerCase() + type.slice(1);
    return { name, line, number, options, label, type, key: undefined, oneof, isGroup: true };
  }

  /** A group in an `extend` declares its message in the scope around it. */
  #extension(line: number, body: Body): ExtensionOutline {
    const tokens = this.#tokens;
    const extended = tokens.path(true);
    const fields: FieldOutline[] = [];
    readBody(tokens, undefined, () => fields.push(this.#field(body, undefined)));
    return { extended, line, fields };
  }
}
