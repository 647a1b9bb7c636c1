/**
 * How calls end before their reply. A front asks a back, which takes as long as it is let: until the deadline, which the
 * front hands on, or until the connection ends.
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

/** What happens at the back: `<name> arrived`, and `<name> stopped` with why. */
const events = new EventEmitter();

const back = new Server();
back.addService(Greeter, {
  async hello({ name }, ctx) {
    ctx.signal.addEventListener('abort', () => events.emit(`${name} stopped`, ctx.signal.reason));
    console.log(`${name}: the back has ${ctx.timeRemainingMs <= 500 ? 'at most' : 'more than'} 500 ms`);
    events.emit(`${name} arrived`);
    // Whatever takes an AbortSignal (timers, fetch, streams, other calls) stops with the call.
    await pause(60_000, undefined, { signal: ctx.signal });
    return {};
  },
});
const toBack = new Channel((await back.listen('127.0.0.1:0')).address);
const askBack = createClient(Greeter, toBack);

const front = new Server();
front.addService(Greeter, {
  // `parent`: the back gets what is left of our caller's time, and our signal is the call's too. A timeoutMs of its own
  // could only shorten that.
  hello: (request, ctx) => askBack.hello(request, { parent: ctx, timeoutMs: 60_000 }),
});
const toFront = new Channel((await front.listen('127.0.0.1:0')).address);
const askFront = createClient(Greeter, toFront);

async function stopped(name: string): Promise<string> {
  const [reason] = (await once(events, `${name} stopped`)) as [RpcError];
  return `${name}: the back sees ${reason.code}`;
}

// The io threads keep the deadline on each side, so it holds however busy JavaScript is.
let stop = stopped('deadline');
console.log(
  `deadline: the caller sees ${await outcome(askFront.hello({ name: 'deadline' }, { timeoutMs: 500 }))}`,
);
console.log(await stop);

// Cancelling frees the caller at once. The protocol has no message for it, so the servers work on until the deadline:
// give a call that you may cancel one that fits.
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
