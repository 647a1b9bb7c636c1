import { Command } from 'commander';
import { messageOf } from '../contract/value-text.ts';
import { type CallFlags, callPlan } from './call/call-plan.ts';
import { runCall } from './call/run-call.ts';
import { documentPath } from './document-path.ts';
import { addTlsFlags, warnIfInsecure } from './tls-flags.ts';
import { complainInOneLine } from './wrong-arguments.ts';

const help = `
List and describe services, and call a method, of a server with reflection (in rocket-rpc: the option reflection):
  rocket call 127.0.0.1:50051 list
  rocket call 127.0.0.1:50051 list Order
  rocket call 127.0.0.1:50051 describe Order
  rocket call 127.0.0.1:50051 Order/makeOrder --data '{"price": 100, "goods": "apple"}'

Of a server without reflection, by a .proto file; its imports are looked up beside it and in --proto-path:
  rocket call 127.0.0.1:50051 Order/makeOrder --proto order.proto --data @order.json

Requests are protobuf's JSON: 64-bit integers may be text, bytes are base64, a Timestamp is "2026-01-31T12:00:00Z". A method
that takes a stream gets each JSON value of the input as a request; line breaks do not matter. Each reply is printed in a line
of its own as soon as it arrives:
  generate-points | rocket call 127.0.0.1:50051 RouteGuide/RecordRoute --data @-
  rocket call 127.0.0.1:50051 RouteGuide/ListFeatures --data @area.json | head -3

Other targets of a channel, and TLS:
  rocket call etcd:///Order Order/makeOrder --proto order.proto --data '{"price": 100}'
  rocket call orders.example:443 list --tls
  rocket call localhost:50051 list --cacert ca.pem --cert client.pem --key client.key
  rocket call localhost:50051 Order/makeOrder --metadata authorization='Bearer …' --verbose

Without --protocol the call is made by gRPC; with --proto, by TinyPB if the server does not speak gRPC.

Exit codes: 0 the call succeeded; 64 + n it failed with status n (NOT_FOUND is 69, UNAVAILABLE 78); 1 it could not be made, or
its reply could not be shown; 2 wrong arguments, or a wrong request; 130 Ctrl-C, 143 SIGTERM, both cancel the call.

More: ${documentPath('command-line.md')}`;

/** `rocket call`. */
export function callCommand(): Command {
  const command = new Command('call')
    .description(
      'calls a method by gRPC or TinyPB with JSON, or lists and describes the services of a server',
    )
    .usage(
      '<target> <Service/Method> [options]\n       rocket call <target> list [service]\n       rocket call <target> describe [symbol]',
    )
    .argument(
      '<target>',
      'host:port, grpc://…, tls://…, unix:/path, etcd:///Service, or any other target of a channel',
    )
    .argument('[method]', 'Service/Method, or list, or describe')
    .argument('[symbol]', 'what to list or describe: a service, method, message, field or enum')
    .option('-d, --data <json>', 'the request, or @file, or @- for stdin; several for a stream (default: {})')
    .option(
      '--metadata <key=value>',
      'sent with the request (repeatable); keys that end in -bin: base64',
      append,
      [],
    )
    .option('--proto <file>', 'describes the service, instead of reflection (repeatable)', append, [])
    .option('--proto-path <folder>', 'where imports of --proto are looked up (repeatable)', append, [])
    .option(
      '--protoset <file>',
      'describes it too: what protoc --descriptor_set_out or buf build made, with imports (repeatable)',
      append,
      [],
    )
    .option('--authority <host>', "the request's :authority (default: the host of the target)")
    .option('--protocol <name>', 'grpc or tinypb (default: what the server speaks)')
    .option('--timeout <ms>', 'deadline of the call and of connecting (default: 30000; of a stream: a day)')
    .option('--max-message-bytes <bytes>', 'longest message accepted (default: 4194304)')
    .option('--emit-defaults', 'show fields that have their default, too')
    .option('--allow-unknown-fields', 'ignore fields of --data that the message does not have')
    .option('-v, --verbose', 'show metadata, headers, trailers and status on stderr');
  addTlsFlags(command, 'the server').addHelpText('after', help);
  return complainInOneLine(command, 'rocket call').action(
    async (target: string, method: string | undefined, symbol: string | undefined, flags: CallFlags) => {
      let plan: ReturnType<typeof callPlan>;
      try {
        plan = callPlan([target, method, symbol], flags);
      } catch (error) {
        return command.error(messageOf(error));
      }
      warnIfInsecure('rocket call', flags);
      process.exitCode = await runCall(plan);
    },
  );
}

function append(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
