import * as description from './description.ts';
import { boundaryHash, wordsOfCommand, wordsOfEvent } from './words.ts';

const note = '// Made by `npm run boundary` from scripts/boundary/description.ts; do not edit.\n';

/** What the transports' users need to know as well: lib/contract/boundary.ts. */
export function contractNumbers(): string {
  return [
    note,
    table(
      'What a status leaves open, and a transport says more exactly.',
      'statusReason',
      description.statusReasons,
    ),
    table(
      'A status word: the code in the low byte, then the reason in one byte, then the bit of a refusal.',
      'statusBits',
      description.statusWordNumbers,
    ),
    table("State of one of an endpoint's connections.", 'linkState', description.linkStates),
    table(
      'Bits of the flags of a request, or of a message of a stream.',
      'requestFlag',
      description.eventFlags.filter(({ name }) =>
        ['grpc', 'open', 'compressed', 'deflate', 'takesGzip', 'takesDeflate'].includes(name),
      ),
    ),
    ...description.streamNumbers.map(single),
  ].join('\n');
}

/** The words of the slabs: lib/addon/layout.ts. */
export function layout(): string {
  return [
    note,
    single({ name: 'boundaryHash', value: boundaryHash(), about: 'Compared when the binary is loaded.' }),
    table('A descriptor of the Inbox: what the io threads tell JavaScript. `words` is its size.', 'event', [
      { name: 'words', value: description.eventWords.length },
      ...description.eventWords.filter(({ name }) => shared.has(name)),
    ]),
    table('', 'eventKind', description.eventKinds),
    ...description.eventKinds.map((kind) =>
      table(kind.about ?? '', `${kind.name}Event`, entries(wordsOfEvent(kind))),
    ),
    table('', 'eventFlag', description.eventFlags),
    table(
      'A descriptor of the Outbox: what JavaScript asks of the io threads. `words` is its size.',
      'command',
      [
        { name: 'words', value: description.commandWords.length },
        ...description.commandWords.filter(({ name }) => !ofOneKind.has(name)),
      ],
    ),
    table('', 'commandKind', description.commandKinds),
    ...description.commandKinds
      .filter(({ own }) => own.length > 0)
      .map((kind) => table(kind.about ?? '', `${kind.name}Command`, entries(wordsOfCommand(kind)))),
    table('', 'commandFlag', description.commandFlags),
    ...description.slabNumbers.map(single),
    table(
      'The head of a request in a string of heads (request-heads.ts).',
      'requestHead',
      description.requestHead,
    ),
    table("The first words of a thread's log buffer; its two halves follow.", 'logBuffer', [
      { name: 'controlBytes', value: description.logControlBytes },
      ...description.logWords,
    ]),
  ].join('\n');
}

/** Words that mean the same in every kind that has them. */
const shared = new Set(['kind', 'payloadAt', 'payloadBytes', 'textAt', 'textBytes', 'flags']);
const ofOneKind = new Set(['method', 'timeoutMs']);

function entries(words: [name: string, word: number][]): description.Entry[] {
  return words.map(([name, value]) => ({ name, value })).sort((one, other) => one.value - other.value);
}

function table(about: string, name: string, of: readonly description.Entry[]): string {
  const lines = of.map((entry) => `${comment(entry.about, '  ')}  ${entry.name}: ${number(entry.value)},\n`);
  return `${comment(about, '')}export const ${name} = {\n${lines.join('')}} as const;\n`;
}

function single({ name, value, about }: description.Entry): string {
  return `${comment(about, '')}export const ${name} = ${number(value)};\n`;
}

function comment(about: string | undefined, indent: string): string {
  if (about === undefined || about === '') return '';
  return `${indent}/** ${sentence(about)} */\n`;
}

function sentence(text: string): string {
  const end = text.endsWith('.') ? text : `${text}.`;
  return end[0]!.toUpperCase() + end.slice(1);
}

function number(value: number): string {
  return value >= 10_000 ? String(value).replace(/\B(?=(\d{3})+$)/g, '_') : String(value);
}
