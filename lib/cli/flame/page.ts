/** What is on the page of a flamegraph besides its title: style, controls, and the script that draws. */

export const pageStyle = `
body { font: 13px/1.5 Verdana, "DejaVu Sans", sans-serif; margin: 12px 16px; color: #222; background: #fff }
h1 { font-size: 16px; margin: 0 } p { margin: 2px 0 8px; color: #555 }
#controls { position: sticky; top: 0; background: #fff; padding: 4px 0; z-index: 1 }
#details { min-height: 1.5em; white-space: nowrap; overflow: hidden; text-overflow: ellipsis }
#legend span { margin-right: 14px } #legend i { display: inline-block; width: 11px; height: 11px; margin-right: 4px }
`;

export const pageBody = `<div id="controls">
<input id="search" type="search" placeholder="search (regular expression)" size="32">
<button id="reset" type="button">whole graph</button> <span id="found"></span>
<div id="legend"></div>
<div id="details"></div>
</div>
<div id="chart"></div>`;

/** Expects the global `flame`: the tree in the letters of d3-flame-graph, a colour `k` in each node, and the legend. */
export const drawPage = `
const element = (id) => document.getElementById(id);
const share = (samples) => samples + ' samples, ' + (100 * samples / flame.tree.v).toFixed(2) + ' %';
let pattern;
const chart = flamegraph.default()
  .width(Math.max(600, document.body.clientWidth || 1200))
  .cellHeight(17)
  .transitionDuration(150)
  .minFrameSize(1)
  .sort(true)
  .setColorMapper((node) => node.highlight ? '#e600e6' : node.data.k)
  .setLabelHandler((node) => node.data.n + ' (' + share(node.data.v) + ')')
  .setDetailsElement(element('details'))
  .setSearchMatch((node) => pattern.test(node.data.n))
  .setSearchHandler((nodes, samples) => {
    element('found').textContent = nodes.length === 0 ? 'nothing found' : share(samples);
  });
d3.select('#chart').datum(flame.tree).call(chart);
for (const { label, color } of flame.legend) {
  const item = element('legend').appendChild(document.createElement('span'));
  item.appendChild(document.createElement('i')).style.background = color;
  item.appendChild(document.createTextNode(label));
}
element('search').addEventListener('input', ({ target }) => {
  if (target.value === '') {
    chart.clear();
    element('found').textContent = '';
    return;
  }
  try {
    pattern = new RegExp(target.value, 'i');
  } catch {
    return; // a pattern that is still being typed
  }
  chart.search(target.value);
});
element('reset').addEventListener('click', () => chart.resetZoom());
// The threads are at the foot, and one deep stack can make the graph many screens high.
element('chart').scrollIntoView({ block: 'end' });
`;
