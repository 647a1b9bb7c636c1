/** The script of the report's page: reads the result out of the page and draws it with the global `uPlot`. */
export const drawReport = `
const result = JSON.parse(document.getElementById('result').textContent);
const place = (id) => document.getElementById(id);
const number = (value, digits = 0) => value === null || value === undefined
  ? '-' : value.toLocaleString('en', { maximumFractionDigits: digits });
const ms = (value) => value === null || value === undefined ? '-' : number(value, value < 10 ? 3 : 1) + ' ms';
const width = () => Math.max(320, place('throughput').clientWidth || 900);

const tiles = [
  ['calls', number(result.calls)],
  ['succeeded', (Math.floor(result.successRate * 10000) / 100) + ' %'],
  ['failed', number(result.failed)],
  ['calls/s', number(result.callsPerSecond, 1)],
];
if (result.targetCallsPerSecond !== null) tiles.push(['calls/s wanted', number(result.targetCallsPerSecond, 1)]);
if (result.latency !== null) {
  tiles.push(['average', ms(result.latency.averageMs)], ['P50', ms(result.latency.p50Ms)],
    ['P90', ms(result.latency.p90Ms)], ['P99', ms(result.latency.p99Ms)],
    ['P99.9', ms(result.latency.p999Ms)], ['max', ms(result.latency.maxMs)]);
}
for (const [name, value] of tiles) {
  const tile = document.createElement('div');
  tile.className = 'tile';
  const figure = document.createElement('b');
  figure.textContent = value;
  const label = document.createElement('span');
  label.textContent = name;
  tile.append(figure, label);
  place('tiles').append(tile);
}

const seconds = (points) => points.map((point) => point.second);
const column = (points, name) => points.map((point) => point[name]);
const line = (label, stroke, value) => ({ label, stroke, width: 2, value, points: { size: 5 } });
const drawn = [];
const draw = (id, options, data) => {
  if (data[0].length === 0) {
    place(id).textContent = 'nothing to show: no call succeeded';
    return;
  }
  const plot = new uPlot({ width: width(), height: 280, ...options }, data, place(id));
  drawn.push(plot);
};
const overTime = (size, values) => [
  { label: 'seconds from the start' },
  { size, values },
];
const numbers = (_plot, splits) => splits.map((split) => split === null ? '' : number(split, 3));

draw('throughput', {
  scales: { x: { time: false }, y: { range: (_plot, _min, max) => [0, Math.max(1, max * 1.1)] } },
  axes: overTime(80, numbers),
  series: [
    { label: 'second' },
    line('succeeded, calls/s', '#1f77b4', (_plot, value) => number(value)),
    line('failed', '#d62728', (_plot, value) => number(value)),
  ],
}, [seconds(result.series), column(result.series, 'callsPerSecond'), column(result.series, 'failed')]);

// A logarithmic scale needs a value.
const timed = result.latency === null ? [] : result.series;
draw('latency', {
  scales: { x: { time: false }, y: { distr: 3 } },
  axes: overTime(80, numbers),
  series: [
    { label: 'second' },
    line('P50', '#2ca02c', (_plot, value) => ms(value)),
    line('P90', '#1f77b4', (_plot, value) => ms(value)),
    line('P99', '#ff7f0e', (_plot, value) => ms(value)),
    line('max', '#d62728', (_plot, value) => ms(value)),
  ],
}, [seconds(timed), column(timed, 'p50Ms'), column(timed, 'p90Ms'), column(timed, 'p99Ms'), column(timed, 'maxMs')]);

const buckets = result.histogram;
const bound = (index) => buckets[index] === undefined ? '' : '<= ' + number(buckets[index].toMs, 4);
draw('histogram', {
  scales: {
    x: { time: false, range: () => [-0.6, buckets.length - 0.4] },
    y: { range: (_plot, _min, max) => [0, Math.max(1, max * 1.1)] },
  },
  axes: [
    { label: 'ms', splits: () => buckets.map((_bucket, index) => index), incrs: [1],
      values: (_plot, splits) => splits.map(bound), rotate: -40, size: 70 },
    { size: 80, values: numbers },
  ],
  series: [
    { label: 'latency, ms', value: (_plot, value) => value === null ? '-' : bound(value) },
    { label: 'calls', stroke: '#1f77b4', fill: '#1f77b455', paths: uPlot.paths.bars({ size: [0.9, 100] }),
      points: { show: false }, value: (_plot, value) => number(value) },
  ],
}, [buckets.map((_bucket, index) => index), buckets.map((bucket) => bucket.calls)]);

addEventListener('resize', () => {
  for (const plot of drawn) plot.setSize({ width: width(), height: 280 });
});
`;
