import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fullPolicies } from '../../lib/addon/log-buffer.ts';
import { methodKinds } from '../../lib/contract/define-service.ts';
import { statusNames, statusOfWord, statusReason, statusWord } from '../../lib/contract/status.ts';
import { levels } from '../../lib/log/levels.ts';
import * as description from '../../scripts/boundary/description.ts';
import { boundaryFiles } from '../../scripts/boundary/files.ts';
import { wordsOfCommand, wordsOfEvent } from '../../scripts/boundary/words.ts';
import { pathOf } from '../../scripts/docs-limits/source.ts';

describe('the files made of the description of the boundary', () => {
  it.each([...boundaryFiles()])('%s is what it gives (npm run boundary)', (path, text) => {
    expect(readFileSync(pathOf(path), 'utf8')).toBe(text);
  });
});

describe('the description of the boundary', () => {
  it.each(description.eventKinds.map((kind) => [kind.name, kind] as const))(
    'gives each word of a %s event one meaning',
    (_, kind) => {
      const words = wordsOfEvent(kind);
      expect(new Set(words.map(([name]) => name)).size).toBe(words.length);
      expect(new Set(words.map(([, word]) => word)).size).toBe(words.length);
    },
  );

  it.each(description.commandKinds.map((kind) => [kind.name, kind] as const))(
    'gives each word of a %s command one meaning',
    (_, kind) => {
      const words = wordsOfCommand(kind);
      expect(new Set(words.map(([, word]) => word)).size).toBe(words.length);
    },
  );

  it.each([
    ['words of an event', description.eventWords, 0],
    ['words of a command', description.commandWords, 0],
    ['kinds of events', description.eventKinds, 1],
    ['kinds of commands', description.commandKinds, 1],
    ['reasons', description.statusReasons, 0],
    ['link states', description.linkStates, 0],
  ])('numbers the %s one after the other', (_, entries, first) => {
    const values = entries.map(({ value }) => value);
    expect(values).toEqual(values.map((_, at) => first + at));
  });

  it.each([
    ['events', description.eventFlags],
    ['commands', description.commandFlags],
  ])('has one bit for each flag of %s', (_, flags) => {
    expect(flags.map(({ value }) => value)).toEqual(flags.map((_, at) => 1 << at));
  });

  it('has the same statuses, kinds of methods, levels and policies as the public names', () => {
    const statuses = description.statusCodes.map(({ name }) => upper(name));
    expect(statuses).toEqual(statusNames);
    expect(description.methodKinds.map(({ name }) => name)).toEqual(methodKinds);
    expect(Object.fromEntries(description.logLevels.map(({ name, value }) => [name, value]))).toEqual(levels);
    const policies = description.logPolicies.map(({ name }) => upper(name).toLowerCase().replace('_', '-'));
    expect(policies).toEqual(fullPolicies);
  });

  it('has room in a status word for what is in it', () => {
    const word = statusWord('UNAUTHENTICATED', statusReason.peerGone, true);
    expect(word).toBe(16 | (statusReason.peerGone << 8) | (1 << 16));
    expect(statusOfWord(word)).toBe('UNAUTHENTICATED');
  });
});

function upper(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

describe('the core', () => {
  const files = readFileSync(pathOf('native/sources.txt'), 'utf8').split('\n').filter(Boolean);

  it('makes events only of the structs that name their words', () => {
    const generic = files.filter((file) =>
      readFileSync(pathOf(file), 'utf8').includes('.kind = EventKind::'),
    );
    expect(generic).toEqual([]);
  });
});
