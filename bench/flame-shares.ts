import type { FoldedStack } from '../lib/cli/flame/fold.ts';

interface Part {
  readonly name: string;
  /** Matches a frame by its shown name. */
  readonly frame: RegExp;
}

/** A stack belongs to the first part that one of its frames matches. */
const jsParts: readonly Part[] = [
  { name: 'gc', frame: /^v8::internal::(Heap::CollectGarbage|ScavengerCollector|MinorGC)/ },
  { name: 'send', frame: /^(__send|__libc_send|sendmsg|__x64_sys_send)/ },
  { name: 'flushToIo', frame: /^rocket::addon::Environment::flush|^rocket::rpc::Outbox/ },
  { name: 'encode', frame: /^(rocket-rpc: )?encodeInto protobuf-codec| (checked|ranged)-writer\.[tj]s/ },
  { name: 'handler', frame: /^makeOrder / },
  // protobufjs generates its functions; those below encodeInto are taken already.
  {
    name: 'decode',
    frame:
      /^(rocket-rpc: )?decode protobuf-codec| (slab-reader|batch-strings)\.[tj]s|\(generated\)| reader\.js/,
  },
  { name: 'strings', frame: /^napi_create_string_latin1/ },
  { name: 'reply', frame: /^(rocket-rpc: )?reply (server-transport|outbox)/ },
  { name: 'requests', frame: /^(rocket-rpc: )?(#?onRequest|#invoke|\(anonymous\)) server\.[tj]s/ },
  { name: 'dispatch', frame: /#dispatch |#onBatch |^(rocket-rpc: )?\(anonymous\) boundary/ },
  { name: 'promises', frame: /^Builtins_RunMicrotasks/ },
  { name: 'enterJs', frame: /^rocket::addon::Environment::on_wake_up|ThreadSafeFunction/ },
  { name: 'eventLoop', frame: /^(epoll_pwait|uv_)/ },
];

const ioParts: readonly Part[] = [
  { name: 'send', frame: /^(__send|__libc_send|sendmsg|__x64_sys_send)/ },
  { name: 'recv', frame: /^(__libc_recv|recv|__x64_sys_recv)/ },
  { name: 'wakeJs', frame: /^(napi_call_threadsafe_function|eventfd_write)/ },
  { name: 'epollCtl', frame: /^(epoll_ctl|__x64_sys_epoll_ctl)/ },
  { name: 'epollWait', frame: /^(epoll_wait|__x64_sys_epoll_wait)/ },
  { name: 'reply', frame: /^rocket::rpc::(Outbox::Batch::run|ServerShard::(reply|finish|release)_call)/ },
  { name: 'requests', frame: /^rocket::(tinypb|grpc)::ServerSession::on_bytes/ },
  { name: 'connection', frame: /^rocket::io::Connection::/ },
  { name: 'asio', frame: /^asio::/ },
];

/** The share each thread has of all samples, and within it, from 0 to 1, that of the kernel and of what was done. */
export interface ThreadShares {
  readonly share: number;
  readonly kernel: number;
  readonly parts: Readonly<Record<string, number>>;
}

/** Splits the samples of `js` and `io-0` by what they were spent on; each sample counts for one part. */
export function sharesByPart(stacks: readonly FoldedStack[]): Record<string, ThreadShares> {
  const total = sum(stacks);
  const shares: Record<string, ThreadShares> = {};
  for (const [thread, parts] of Object.entries({ js: jsParts, 'io-0': ioParts })) {
    const own = stacks.filter(({ frames }) => frames[0]?.name === thread);
    shares[thread] = threadShares(own, parts, total);
  }
  return shares;
}

function threadShares(own: readonly FoldedStack[], parts: readonly Part[], total: number): ThreadShares {
  const samples = sum(own);
  const byPart: Record<string, number> = {};
  for (const stack of own) {
    const part = parts.find(({ frame }) => stack.frames.some(({ name }) => frame.test(name)));
    const name = part?.name ?? 'other';
    byPart[name] = (byPart[name] ?? 0) + stack.count;
  }
  const sorted = Object.entries(byPart).sort((a, b) => b[1] - a[1]);
  return {
    share: rounded(samples / total),
    kernel: rounded(sum(own.filter(({ frames }) => frames.at(-1)?.kind === 'kernel')) / samples),
    parts: Object.fromEntries(sorted.map(([name, count]) => [name, rounded(count / samples)])),
  };
}

function sum(stacks: readonly FoldedStack[]): number {
  return stacks.reduce((total, { count }) => total + count, 0);
}

function rounded(share: number): number {
  return Math.round(share * 1000) / 1000;
}
