/** `npm run test:soak`. See `--help`. */
import { parseArgs } from 'node:util';
import { Presets, SingleBar } from 'cli-progress';
import { type ClientSoakProgress, soakClient } from './client-soak.ts';
import { soak } from './soak.ts';

const help = `npm run test:soak -- [options]

Calls a server in a process of its own with everything there is, for a long time: unary calls and streams of all kinds by gRPC,
calls by TinyPB beside them, cancels, resets, deadlines, slow readers, clients that come, go and vanish, and connections that
end by age. Another server gets plain calls only, for comparison. Memory, heap (after a collection), descriptors and gauges
of both are read all the time. In the end
- every call has ended as it should,
- every gauge of stats() is zero, and no descriptor is left,
- private memory and heap are flat: their growth over the second half, by linear regression, is at most twice that of the
  other server and a twenty-fifth of their size (2 MiB, if that is more).
With --client our client is soaked instead: unary calls, streams of all kinds, cancels and deadlines against grpc-go's server
(scripts/setup-peers.sh), which is killed and started again, through a proxy that cuts, freezes, delays and splits connections.
In the end no call that may be repeated was lost, every other one has ended as it should, every gauge is zero, and memory is flat.

Prints what was found and, as the last line, one JSON object. Exits with 1 if something was wrong. Linux only.

  --minutes N   how long (20)
  --client      the client
`;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '20' },
    client: { type: 'boolean', default: false },
    help: { type: 'boolean' },
  },
});
const minutes = Number(values.minutes);
if (values.help) {
  console.log(help);
} else if (!(minutes > 0)) {
  console.error('--minutes is a number over 0');
  process.exitCode = 2;
} else {
  await run(minutes * 60);
}

async function run(seconds: number): Promise<void> {
  const show = progressOn(process.stderr);
  const result = values.client ? await soakClient(seconds, show.update) : await soak(seconds, show.update);
  show.end();
  for (const [outcome, count] of Object.entries(result.outcomes)) console.log(`${outcome}: ${count}`);
  for (const line of result.wrong) console.log(`wrong: ${line}`);
  if (!result.isFlat) console.log('wrong: memory is not flat');
  console.log(JSON.stringify(result));
  if (result.wrong.length > 0 || !result.isFlat) process.exitCode = 1;
}

function progressOn(out: NodeJS.WriteStream): { update(progress: ClientSoakProgress): void; end(): void } {
  const text = ({ calls, wrong, last }: ClientSoakProgress) => {
    const mebibytes = (bytes: number) => (bytes / 1024 / 1024).toFixed(1);
    return `${calls} calls, ${wrong} wrong, ${mebibytes(last.privateBytes)} MiB, heap ${mebibytes(last.heapBytes)} MiB`;
  };
  if (!out.isTTY) {
    let shown = 0;
    return {
      update(progress) {
        if (progress.fraction < shown) return;
        shown = progress.fraction + 0.05;
        out.write(`${Math.round(progress.fraction * 100)} %: ${text(progress)}\n`);
      },
      end() {},
    };
  }
  const format = '[{bar}] {percentage}%  {text}';
  const bar = new SingleBar({ format, stream: out, barsize: 24, clearOnComplete: true }, Presets.legacy);
  bar.start(1000, 0, { text: '' });
  return {
    update: (progress) => bar.update(Math.floor(progress.fraction * 1000), { text: text(progress) }),
    end: () => bar.stop(),
  };
}
