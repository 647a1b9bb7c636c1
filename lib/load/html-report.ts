import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { drawReport } from './html-charts.ts';
import type { LoadResult } from './load-result.ts';
import { describeLoad, textReport } from './text-report.ts';

const style = `
  :root { color-scheme: light; --ink: #1c2733; --quiet: #5b6875; --line: #dde3e9; }
  body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
  h1 { font-size: 1.4rem; margin: 0; }
  h2 { font-size: 1.05rem; margin: 2.2rem 0 0.4rem; }
  .when { color: var(--quiet); margin: 0 0 1.2rem; }
  .tiles { display: flex; flex-wrap: wrap; gap: 0.8rem; }
  .tile { border: 1px solid var(--line); border-radius: 6px; padding: 0.5rem 0.9rem; }
  .tile b { display: block; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
  .tile span { color: var(--quiet); font-size: 0.85rem; }
  pre { background: #f5f7f9; border-radius: 6px; padding: 0.8rem 1rem; overflow-x: auto; }`;

/**
 * A page that shows a run: throughput and latency percentiles over time, and the histogram. A single file that loads
 * nothing else.
 */
export function htmlReport(result: LoadResult): string {
  const require = createRequire(import.meta.url);
  const plot = readFileSync(require.resolve('uplot/dist/uPlot.iife.min.js'), 'utf8');
  const plotStyle = readFileSync(require.resolve('uplot/dist/uPlot.min.css'), 'utf8');
  const title = `${result.config.method} at ${result.config.target}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title>
<style>${plotStyle}${style}</style>
</head>
<body>
<h1>${escaped(title)}</h1>
<p class="when">${escaped(result.startedAt)}</p>
<div class="tiles" id="tiles"></div>
<h2>Calls per second</h2><div id="throughput"></div>
<h2>Latency percentiles, ms</h2><div id="latency"></div>
<h2>How latencies spread</h2><div id="histogram"></div>
<h2>In words</h2>
<pre>${escaped(describeLoad(result.config))}

${escaped(textReport(result))}</pre>
<script id="result" type="application/json">${jsonForScript(result)}</script>
<script>${plot}</script>
<script>${drawReport}</script>
</body>
</html>
`;
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** Text from elsewhere (error messages, the target) must not end the script. */
function jsonForScript(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}
