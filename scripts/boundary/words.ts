import * as description from './description.ts';

/** Name to number, for the words of one kind of event. */
export function wordsOfEvent(kind: description.EventKindEntry): [name: string, word: number][] {
  return kind.fields.flatMap(wordsOfField);
}

const word = Object.fromEntries(description.eventWords.map(({ name, value }) => [name, value])) as Record<
  (typeof description.eventWords)[number]['name'],
  number
>;

function wordsOfField({ name, type }: description.Field): [name: string, word: number][] {
  switch (type) {
    case 'server':
    case 'endpoint':
      return [[name, word.owner]];
    case 'link':
      return [[name, word.idLow]];
    case 'call':
      return [
        [`${name}Low`, word.idLow],
        [`${name}High`, word.idHigh],
      ];
    case 'handle':
      return [
        [`${name}Index`, word.idLow],
        [`${name}Generation`, word.idHigh],
      ];
    case 'method':
    case 'bytes':
    case 'status':
    case 'linkState':
      return [[name, word.code]];
    case 'statusAndOwn':
      return [
        [name, word.code],
        ['own', word.last],
      ];
    case 'time':
      return [[name, word.timeMs]];
    case 'payload':
      return [
        [`${name}At`, word.payloadAt],
        [`${name}Bytes`, word.payloadBytes],
      ];
    case 'text':
      return [
        [`${name}At`, word.textAt],
        [`${name}Bytes`, word.textBytes],
      ];
    case 'head':
      return [[name, word.last]];
    case 'flags':
      return [[name, word.flags]];
  }
}

/** Name to number, for the words that commands of one kind have besides those of every command. */
export function wordsOfCommand(kind: description.CommandKindEntry): [name: string, word: number][] {
  return kind.own.map(({ name, word }) => {
    const found = description.commandWords.find((each) => each.name === word);
    if (found === undefined) throw new Error(`no command has the word ${word}`);
    return [name, found.value];
  });
}

/** FNV-1a of everything that is described, texts aside. */
export function boundaryHash(): number {
  // A module's own order of exports depends on who loads it.
  const tables = Object.entries(description).sort(([one], [other]) => (one < other ? -1 : 1));
  const text = JSON.stringify(tables, (key, value: unknown) => (key === 'about' ? undefined : value));
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
