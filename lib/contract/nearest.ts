/** The candidate that takes the fewest edits to become `word`; undefined if there is none. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const edits = new Map(candidates.map((candidate) => [candidate, editsBetween(word, candidate)]));
  return [...candidates].sort((a, b) => (edits.get(a) ?? 0) - (edits.get(b) ?? 0))[0];
}

function editsBetween(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
