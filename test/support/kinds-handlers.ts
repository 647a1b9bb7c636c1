/** Simple handlers of Kinds. */
import type { Text } from './memory-kinds.ts';
import { textsOf } from './open-kinds.ts';

export const loud = async function* (requests: AsyncIterable<Text>): AsyncGenerator<Text> {
  for await (const { text } of requests) yield { text: `${text}!` };
};
export const joined = async (requests: AsyncIterable<Text>): Promise<Text> => ({
  text: (await textsOf(requests)).join(),
});
export const counting = function* ({ text }: Text): Generator<Text> {
  for (let i = 0; i < Number(text); i++) yield { text: `${i}` };
};
