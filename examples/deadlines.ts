/**
 * How calls end before their reply. A front service calls a back service that never finishes by itself: the call ends
 * at the deadline, which the front propagates, or when the connection ends.
 *
 * `npx tsx examples/deadlines.ts`
 */
import { EventEmitter, once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { Channel, createClient, RpcError, Server } from 'rocket-rpc';
import { Greeter } from './greeter.ts';

async function outcome(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'OK';
  } catch (error) {
    if (error instanceof RpcError) return error.code;
    throw error;
  }
}

/** Events at the back: `<name> arrived`, and `<name> stopped` with the reason. */
const events = new EventEmitter();

const back = new Server();
back.addService(Greeter, {
  async hello({ name }, ctx) {
    ctx.signal.addEventListener('abort', () => events.emit(`${name} stopped`, ctx.signal.reason));
    console.log(`${name}: the back has ${ctx.timeRemainingMs <= 500 ? 'at most' : 'more than'} 500 ms`);
    events.emit(`${name} arrived`);
    // Anything that accepts an AbortSignal (timers, fetch, streams, other calls) stops with the call.
    await pause(60_000, undefined, { signal: ctx.signal });
    return {};
  },
});
const toBack = new Channel((await back.listen('127.0.0.1:0')).address);
const askBack = createClient(Greeter, toBack);

const front = new Server();
front.addService(Greeter, {
  // `parent`: the back gets the remaining time of our caller, and the call is cancelled by our signal too. A separate
  // timeoutMs could only shorten that.
  hello: (request, ctx) => askBack.hello(request, { parent: ctx, timeoutMs: 60_000 }),
});
const toFront = new Channel((await front.listen('127.0.0.1:0')).address);
const askFront = createClient(Greeter, toFront);

async function stopped(name: string): Promise<string> {
  const [reason] = (await once(events, `${name} stopped`)) as [RpcError];
  return `${name}: the back sees ${reason.code}`;
}

// The io threads enforce the deadline on each side, however busy JavaScript is.
let stop = stopped('deadline');
console.log(
  `deadline: the caller sees ${await outcome(askFront.hello({ name: 'deadline' }, { timeoutMs: 500 }))}`,
);
console.log(await stop);

// Cancelling ends the call for the caller at once. The protocol has no message for it, so the servers keep working
// until the deadline: give a call that you may cancel a fitting deadline.
stop = stopped('cancelled');
const controller = new AbortController();
events.once('cancelled arrived', () => controller.abort());
const cancelled = askFront.hello({ name: 'cancelled' }, { timeoutMs: 500, signal: controller.signal });
console.log(`cancelled: the caller sees ${await outcome(cancelled)}`);
console.log(await stop);

// A connection that ends takes its calls with it.
stop = stopped('gone');
const arrived = once(events, 'gone arrived');
const gone = outcome(askFront.hello({ name: 'gone' }, { timeoutMs: 20_000 }));
await arrived;
await toFront.close({ drainMs: 0 });
console.log(`gone: the caller sees ${await gone}`);
await toBack.close({ drainMs: 0 });
console.log(await stop);

await front.close({ drainMs: 0 });
await back.close({ drainMs: 0 });
