import type protobuf from 'protobufjs';
import { codeName } from './code-names.ts';
import type { TypeName } from './model.ts';
import type { ProtoFile } from './proto-files.ts';
import type { Protobuf } from './protobuf-tools.ts';

/** A service and the two interfaces that go with it. */
export interface ServiceNames {
  readonly exported: string;
  readonly client: string;
  readonly handlers: string;
}

export interface Names {
  readonly types: ReadonlyMap<protobuf.ReflectionObject, TypeName>;
  readonly services: ReadonlyMap<protobuf.Service, ServiceNames>;
}

/** The objects that one file declares, types inside of messages included. */
export interface Declared {
  readonly file: ProtoFile;
  readonly messages: readonly protobuf.Type[];
  readonly enums: readonly protobuf.Enum[];
  readonly services: readonly protobuf.Service[];
}

/** What `file` declares, in its order. */
export function declaredIn(protobuf: Protobuf, root: protobuf.Root, file: ProtoFile): Declared {
  const messages: protobuf.Type[] = [];
  const enums: protobuf.Enum[] = [];
  const services: protobuf.Service[] = [];
  const visit = (object: protobuf.ReflectionObject): void => {
    const isOfFile = object.filename === file.label;
    if (object instanceof protobuf.Enum && isOfFile) enums.push(object);
    else if (object instanceof protobuf.Service && isOfFile) services.push(object);
    else if (object instanceof protobuf.Type && isOfFile) messages.push(object);
    if (object instanceof protobuf.Namespace) object.nestedArray.forEach(visit);
  };
  visit(root);
  return { file, messages, enums, services };
}

/**
 * The names of what is exported. A name already in use gets a `_` appended; names from the .proto come first, so that a
 * message is only renamed if its name is a reserved word of JavaScript.
 */
export function namesOf(protobuf: Protobuf, declared: readonly Declared[]): Names {
  const types = new Map<protobuf.ReflectionObject, TypeName>();
  const services = new Map<protobuf.Service, ServiceNames>();
  for (const { file, messages, enums, services: declaredServices } of declared) {
    const taken = new Set<string>();
    const take = (name: string): string => {
      let free = name;
      while (taken.has(free) || isReserved(free)) free += '_';
      taken.add(free);
      return free;
    };
    const exported = new Map<protobuf.ReflectionObject, string>();
    for (const type of [...messages, ...enums]) exported.set(type, take(localName(type, file)));
    const serviceNames = declaredServices.map((service) => ({ service, exported: take(service.name) }));
    for (const [type, name] of exported) {
      types.set(type, {
        fullName: fullNameOf(type),
        file: file.name,
        exported: name,
        init: type instanceof protobuf.Type ? take(`${name}Init`) : name,
        codePath: codePathOf(type),
      });
    }
    for (const { service, exported: name } of serviceNames) {
      services.set(service, {
        exported: name,
        client: take(`${name}Client`),
        handlers: take(`${name}Handlers`),
      });
    }
  }
  return { types, services };
}

export function fullNameOf(object: protobuf.ReflectionObject): string {
  return object.fullName.replace(/^\./, '');
}

function localName(type: protobuf.ReflectionObject, file: ProtoFile): string {
  const prefix = file.package === '' ? '' : `${file.package}.`;
  return fullNameOf(type).slice(prefix.length).replaceAll('.', '_');
}

/** Where the code of a type is under `$root`, once its names are for code. */
function codePathOf(type: protobuf.ReflectionObject): string {
  return fullNameOf(type).split('.').map(codeName).join('.');
}

/** Words that cannot name a type or a constant of a module. */
const reserved: ReadonlySet<string> = new Set(
  (
    'any arguments as await bigint boolean break case catch class const continue debugger default delete do else enum ' +
    'eval export extends false finally for function if implements import in infer instanceof interface keyof let never new null ' +
    'number object package private protected public readonly return static string super switch symbol this throw true try ' +
    'typeof undefined unique unknown var void while with yield'
  ).split(' '),
);

function isReserved(name: string): boolean {
  return reserved.has(name);
}
