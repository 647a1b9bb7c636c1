import { createContext, runInContext } from 'node:vm';
import { parseHTML } from 'linkedom';
import { expect, test, vi } from 'vitest';
import { flameHtml } from '../../lib/cli/flame/flame-html.ts';
import { flameTree } from '../../lib/cli/flame/flame-tree.ts';

const name = '</script><b>makeOrder server.ts:12 *';
const page = flameHtml(
  flameTree([
    {
      frames: [
        { name: 'js', kind: 'thread' },
        { name, kind: 'js' },
      ],
      count: 3,
    },
    { frames: [{ name: 'io-0', kind: 'thread' }], count: 1 },
  ]),
  { title: 'node a < b', subtitle: '4 samples' },
);

/** The page's scripts run in a document without layout; the result is its window. */
function opened(scrolled?: (how: object) => void): ReturnType<typeof parseHTML> {
  const window = parseHTML(page);
  Object.assign(window.document.getElementById('chart')!, {
    scrollIntoView: (how: object) => scrolled?.(how),
  });
  const context = createContext({
    document: window.document,
    setTimeout,
    clearTimeout,
    setInterval,
    clearInterval,
  });
  for (const script of window.document.querySelectorAll('script'))
    runInContext(script.textContent ?? '', context);
  return window;
}

test('the page draws a rectangle for each frame, of the width of its share', () => {
  const frames = [...opened().document.querySelectorAll('#chart g.frame')];
  const widths = new Map(
    frames.map((frame) => [frame.getAttribute('name'), Number(frame.getAttribute('width'))]),
  );
  expect([...widths.keys()].sort()).toEqual([name, 'all', 'io-0', 'js']);
  expect(widths.get(name)).toBeCloseTo(0.75 * (widths.get('all') ?? 0));
});

test('the page opens at the foot of the graph, where the threads are', () => {
  const scrolled = vi.fn();
  opened(scrolled);
  expect(scrolled.mock.calls).toEqual([[{ block: 'end' }]]);
});

test('searching marks what matches and says its share', () => {
  const { document, Event } = opened();
  const search = document.getElementById('search')!;
  Object.assign(search, { value: 'makeorder' });
  search.dispatchEvent(new Event('input'));
  expect(document.getElementById('found')?.textContent).toBe('3 samples, 75.00 %');
});

test('the page is complete in itself and says what was recorded', () => {
  expect(page).toContain('<title>node a &lt; b</title>');
  expect(page).toContain('4 samples');
  expect(page).not.toMatch(/<(?:script|link|img)[^>]+(?:src|href)=|@import/);
  expect(page).not.toContain(name);
});
