import * as description from './description.ts';
import { boundaryHash } from './words.ts';

const lineWidth = 120;

const note = '// Made by `npm run boundary` from scripts/boundary/description.ts; do not edit.\n';

/** native/core/rpc/boundary.h */
export function numbersHeader(): string {
  return header(
    'rocket::rpc',
    ['<cstddef>', '<cstdint>'],
    [
      enumeration('Kinds of events in an Inbox.', 'EventKind', 'std::int32_t', description.eventKinds),
      group(
        'Words of an event; events.h has what they mean by kind.',
        'event_word',
        'std::size_t',
        description.eventWords,
      ),
      constant('std::size_t', {
        name: 'eventWords',
        value: description.eventWords.length,
        about: 'One fixed-size descriptor: this many 32-bit words.',
      }),
      group('', 'event_flag', 'std::int32_t', description.eventFlags),
      enumeration(
        'Kinds of commands in the Outbox.',
        'CommandKind',
        'std::int32_t',
        description.commandKinds,
      ),
      group('Words of a command (outbox.h).', 'command_word', 'std::size_t', description.commandWords),
      constant('std::size_t', { name: 'commandWords', value: description.commandWords.length }),
      group('', 'command_flag', 'std::int32_t', description.commandFlags),
      enumeration(
        'The statuses of gRPC, by their numbers (lib/contract/status.ts).',
        'Code',
        'std::uint8_t',
        description.statusCodes,
      ),
      enumeration(
        'Details that a code does not express and that a protocol or JavaScript may distinguish.',
        'Reason',
        'std::uint8_t',
        description.statusReasons,
      ),
      group(
        'A status word: the code in the low byte, then the reason in one byte, then the bit of a refusal.',
        'status_word',
        'std::int32_t',
        description.statusWordNumbers,
      ),
      enumeration(
        'State of one connection to an endpoint, as JavaScript sees it.',
        'LinkState',
        'std::int32_t',
        description.linkStates,
      ),
      enumeration(
        'Which halves of a call stream (lib/contract/define-service.ts).',
        'MethodKind',
        'std::uint8_t',
        description.methodKinds,
      ),
      ...description.streamNumbers.map((entry) => constant('std::int32_t', entry)),
      ...description.slabNumbers.map((entry) => constant('std::size_t', entry)),
      group(
        'Offsets in the head of a request (Inbox::Batch::heads).',
        'request_head',
        'std::size_t',
        description.requestHead,
      ),
    ],
  );
}

/** native/core/rpc/events.h */
export function eventsHeader(): string {
  return header(
    'rocket::rpc',
    [
      '<cstdint>',
      '<string_view>',
      '"base/bytes.h"',
      '"rpc/boundary.h"',
      '"rpc/call_id.h"',
      '"rpc/client_call.h"',
      '"rpc/event.h"',
      '"rpc/status.h"',
    ],
    description.eventKinds.map(eventStruct),
  );
}

/** native/addon/boundary_hash.h: apart, since it changes with every word. */
export function hashHeader(): string {
  const about = 'Compared with that of JavaScript when the binary is loaded.';
  const hash = { name: 'boundaryHash', value: boundaryHash(), about };
  return header('rocket::addon', ['<cstdint>'], [constant('std::uint32_t', hash)]);
}

/** native/core/log/boundary.h */
export function logHeader(): string {
  return header(
    'rocket::log',
    ['<cstddef>', '<cstdint>'],
    [
      group(
        "The first words of a thread's log buffer; lib/addon/log-buffer.ts shares them.",
        'control_word',
        'std::size_t',
        description.logWords,
      ),
      constant('std::size_t', { name: 'controlBytes', value: description.logControlBytes }),
      enumeration("pino's numbers.", 'Level', 'std::int32_t', description.logLevels),
      enumeration(
        "What happens to a line for which its thread's buffer has no room.",
        'Policy',
        'std::uint8_t',
        description.logPolicies,
      ),
    ],
  );
}

/** A field in C++: its members, and how it is written into an Event. */
interface Member {
  readonly declarations: readonly string[];
  readonly initializers: readonly string[];
}

function memberOf({ name, type }: description.Field): Member {
  const member = snake(name);
  const number = (of: string): Member => ({
    declarations: [`std::int32_t ${member} = 0`],
    initializers: [`.${of} = ${member}`],
  });
  switch (type) {
    case 'server':
    case 'endpoint':
      return number('owner');
    case 'method':
    case 'bytes':
      return number('code');
    case 'time':
      return number('time_ms');
    case 'flags':
      return number('flags');
    case 'link':
      return { declarations: [`std::uint32_t ${member} = 0`], initializers: [`.id_low = ${member}`] };
    case 'call':
      return {
        declarations: [`CallId ${member}`],
        initializers: [`.id_low = ${member}.low`, `.id_high = ${member}.high`],
      };
    case 'handle':
      return {
        declarations: [`CallHandle ${member}`],
        initializers: [`.id_low = ${member}.index`, `.id_high = ${member}.generation`],
      };
    case 'status':
      return { declarations: [`Status ${member}`], initializers: [`.code = ${member}.word()`] };
    case 'statusAndOwn':
      return {
        declarations: [`Status ${member}`],
        initializers: [`.code = ${member}.word()`, `.own = ${member}.own`],
      };
    case 'linkState':
      return {
        declarations: [`LinkState ${member} = LinkState::kIdle`],
        initializers: [`.code = static_cast<std::int32_t>(${member})`],
      };
    case 'payload':
      return {
        declarations: [`ByteSpan ${member}`, 'std::uint32_t string_fields = 0'],
        initializers: [`.payload = ${member}`, '.string_fields = string_fields'],
      };
    case 'text':
      return { declarations: [`std::string_view ${member}`], initializers: [`.text = as_bytes(${member})`] };
    case 'head':
      return {
        declarations: ['std::string_view metadata', 'std::string_view peer', 'std::string_view msg_id'],
        initializers: ['.text = as_bytes(metadata)', '.peer = peer', '.msg_id = msg_id'],
      };
  }
}

/** Designated initializers must come in the order of Event's members. */
const memberOrder = [
  'owner',
  'id_low',
  'id_high',
  'code',
  'time_ms',
  'flags',
  'payload',
  'string_fields',
  'text',
  'own',
  'peer',
  'msg_id',
];

function eventStruct(kind: description.EventKindEntry): string {
  const name = `${pascal(kind.name)}Event`;
  const members = kind.fields.map((field) => ({ field, ...memberOf(field) }));
  const declarations = members.flatMap(({ field, declarations }) =>
    declarations.map((text, at) => `${at === 0 ? comment(field.about, '  ') : ''}  ${text};\n`),
  );
  const initializers = members
    .flatMap((member) => member.initializers)
    .sort((one, other) => place(one) - place(other));
  return [
    comment(kind.about, ''),
    `struct ${name} {\n`,
    ...declarations,
    '\n',
    conversion([`.kind = EventKind::k${pascal(kind.name)}`, ...initializers]),
    '};\n',
  ].join('');
}

/** As clang-format would have it. */
function conversion(initializers: readonly string[]): string {
  const start = '  operator Event() const {';
  const value = `return {${initializers.join(', ')}};`;
  if (`${start} ${value} }`.length <= lineWidth) return `${start} ${value} }\n`;
  if (`    ${value}`.length <= lineWidth) return `${start}\n    ${value}\n  }\n`;
  const list = `        ${initializers.join(', ')}};`;
  if (list.length <= lineWidth) return `${start}\n    return {\n${list}\n  }\n`;
  return `${start}\n    return {${initializers.join(',\n            ')}};\n  }\n`;
}

function place(initializer: string): number {
  return memberOrder.indexOf(initializer.slice(1, initializer.indexOf(' ')));
}

function header(namespace: string, includes: readonly string[], parts: readonly string[]): string {
  const system = includes.filter((name) => name.startsWith('<'));
  const own = includes.filter((name) => !name.startsWith('<'));
  const lines = (names: readonly string[]) => names.map((name) => `#include ${name}\n`).join('');
  return [
    `${note}#pragma once\n`,
    lines(system),
    ...(own.length > 0 ? [lines(own)] : []),
    `namespace ${namespace} {\n`,
    ...parts,
    `}  // namespace ${namespace}\n`,
  ].join('\n');
}

function enumeration(
  about: string,
  name: string,
  type: string,
  entries: readonly description.Entry[],
): string {
  const lines = entries.map(
    (entry) => `${comment(entry.about, '  ')}  k${pascal(entry.name)} = ${entry.value},\n`,
  );
  return `${comment(about, '')}enum class ${name} : ${type} {\n${lines.join('')}};\n`;
}

function group(about: string, name: string, type: string, entries: readonly description.Entry[]): string {
  const lines = entries.map((entry) => constant(type, entry));
  return `${comment(about, '')}namespace ${name} {\n${lines.join('')}}  // namespace ${name}\n`;
}

function constant(type: string, { name, value, about }: description.Entry): string {
  return `${comment(about, '')}inline constexpr ${type} k${pascal(name)} = ${number(value)};\n`;
}

function comment(about: string | undefined, indent: string): string {
  return about === undefined || about === '' ? '' : `${indent}/// ${about}\n`;
}

function number(value: number): string {
  return value >= 10_000 ? String(value).replace(/\B(?=(\d{3})+$)/g, "'") : String(value);
}

function pascal(name: string): string {
  return name[0]!.toUpperCase() + name.slice(1);
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
