import { Command, type CommanderError } from 'commander';
import { benchPlan } from './bench-plan.ts';
import { runBench } from './bench-run.ts';
import { keyFile, UsageError, type Values } from './bench-usage.ts';
import { documentPath } from './document-path.ts';
import { addTlsFlags, type TlsFlags, warnIfInsecure } from './tls-flags.ts';
import { plainComplaint, wrongArguments } from './wrong-arguments.ts';

const examples = `
Three kinds of load:
  rocket bench -n 10000 -c 100      10,000 calls, 100 pending at a time
  rocket bench -t 10 -c 100         100 calls pending at a time for 10 s, as fast as it goes
  rocket bench -q 5000 -t 10        5,000 calls/s for 10 s, on a schedule that does not wait for replies; latency
                                    counts from the scheduled time, so a server that stalls shows up

Without --target a server of Order is started in a process of its own for the run.

More examples:
  rocket bench -t 10 -c 100 --target 127.0.0.1:50051
  rocket bench -t 10 -c 100 --protocol grpc             any gRPC server, with --target
  rocket bench -t 10 -c 100 --target localhost:50051 --cacert ca.pem      over TLS
  rocket bench -t 60 -c 8000 --short                   a TCP connection for every call
  rocket bench -t 10 -c 100 --metadata token=abc --metadata tenant=a
  rocket bench -t 10 -c 100 --payload 1024             the message's first string or bytes field is filled
                                                       (Order.makeOrder: goods) until it has 1024 bytes
  rocket bench -q 500 -t 30 --target static:///10.0.0.1:50051,10.0.0.2:50051 --warmup 5
  rocket bench -n 1000 -c 10 --target unix:/run/shop.sock --proto shop.proto --method Shop.Echo --data @echo.json
  rocket bench -t 10 -c 100 --json result.json --html report.html

Calls that fail are counted by status and text, and are not in the latencies. Ctrl-C ends the run and prints what there is.

Exit code: 0 every call succeeded; 1 calls failed, or the server started for the run ended; 2 bad arguments, or no
connection to the target; 130 Ctrl-C, 143 SIGTERM.

How the figures are computed: ${documentPath('load-testing.md')}`;

/** `rocket bench`. */
export function benchCommand(): Command {
  const command = new Command('bench')
    .description('load-tests a server with a number of calls, of calls at a time, or of calls per second')
    .option('-n, --total <calls>', 'calls to make (with -c)')
    .option('-c, --concurrency <calls>', 'calls pending at a time (with -n or -t)')
    .option('-q, --qps <rate>', 'calls a second on a schedule (with -t)')
    .option('-t, --time <seconds>', 'length of the load (with -c or -q)')
    .option('--target <target>', 'host:port, unix:/path, static:///a:1,b:2, or any other target of a channel')
    .option(
      '--protocol <name>',
      'tinypb or grpc (default: grpc to a target grpc://…, or if the method streams)',
    )
    .option('--connections <count>', 'kept connections, over all threads (default: one per io thread)')
    .option('--short', 'a TCP connection for every call')
    .option('--threads <count>', 'client worker threads (default: 1)')
    .option('--payload <bytes>', 'length of the request message, by filling its first string or bytes field')
    .option('--proto <file>', 'the service (default: the Order service of this package)')
    .option('--method <name>', 'Service.method (default: the only one, or Order.makeOrder)')
    .option(
      '--data <json>',
      'the request as JSON, or @file (default: {"price":100,"goods":"apple"} for Order)',
    )
    .option(
      '--metadata <key=value>',
      'sent with every request (repeatable)',
      (pair: string, pairs: readonly string[] | undefined) => [...(pairs ?? []), pair],
    )
    .option('--warmup <seconds>', 'the same load beforehand, not counted (default: 0)')
    .option('--timeout <ms>', 'deadline of a call and of connecting, in milliseconds (default: 10000)')
    .option(
      '--max-in-flight <calls>',
      'with -q: calls due while this many are pending fail as NOT_SENT (default: 65536)',
    )
    .option('--json <file>', 'writes the result, with a series of every second, for machines')
    .option('--html <file>', 'writes a report with charts, one file that works offline');
  return addTlsFlags(command, 'the target')
    .addHelpText('after', examples)
    .allowExcessArguments(true)
    .configureOutput({ outputError: () => undefined })
    .exitOverride((error) => onCommanderExit(error))
    .action(async (values: Values, command: Command) => {
      try {
        const plan = benchPlan(values, command.args);
        warnIfInsecure('rocket bench', values as TlsFlags);
        process.exitCode = await runBench(plan);
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        fail(error);
      }
    });
}

/** commander's own complaints (an unknown option, one without its value), in the form of ours. */
function onCommanderExit(error: CommanderError): never {
  if (error.exitCode === 0) process.exit(0);
  const text = plainComplaint(error.message);
  const [, wrong, right] = /unknown option '([^']+)'.*Did you mean (--[a-z-]+)/.exec(text) ?? [];
  const args = process.argv.slice(3).map((arg, at, all) => (all[at - 1] === '--key' ? keyFile(arg) : arg));
  const closest =
    wrong === undefined ? undefined : args.map((arg) => (arg === wrong ? right : arg)).join(' ');
  fail(new UsageError(text, `rocket bench ${closest ?? '-t 10 -c 100'}`));
  process.exit();
}

function fail({ message, closest }: UsageError): void {
  console.error(`rocket bench: ${message}`);
  console.error(`try: ${closest}   (rocket bench --help has more)`);
  process.exitCode = wrongArguments;
}
