import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { FaultLane, type LaneFaults, noFaults, resetSocket } from './fault-lane.ts';
import { withDeadline } from './waits.ts';

export type Direction = 'toTarget' | 'toClient';

export interface Target {
  port: number;
  host?: string;
}

/** A TCP proxy that misbehaves on demand. Where a direction may be given, leaving it out means both. */
export interface FaultProxy {
  readonly port: number;
  /** Proxied connections of which at least one side is open. */
  readonly connections: number;
  /** Connections accepted so far; refused ones are not among them. */
  readonly accepted: number;
  /** Bytes read on one side and not yet written on the other, over all connections. */
  readonly heldBytes: number;
  /** Resets both sides of every live connection. */
  cut(): void;
  /** Cuts once, when that many more bytes, all connections together, have passed; not one byte more passes. */
  cutAfter(bytes: number, direction: Direction): void;
  /** Adds latency to what arrives from now on; order is kept. 0 ends it. */
  delay(ms: number, direction?: Direction): void;
  /** Still accepts connections and bytes (up to 1 MiB a connection and direction), passes no byte, FIN or RST on. */
  freeze(direction?: Direction): void;
  thaw(direction?: Direction): void;
  /** Passes on pieces of at most `bytes`, each a write of its own in a later turn of the loop. Infinity ends it. */
  split(bytes: number, direction?: Direction): void;
  /** Resets every new connection at once, until called with false; those already there stay. */
  refuse(on: boolean): void;
  /** What has been passed on so far. */
  traffic(direction: Direction): { bytes: number; writes: number };
  /** Cuts everything and stops listening. */
  close(): Promise<void>;
}

const closeDeadlineMs = 5000;

/** Listens on a free port of 127.0.0.1 and connects each client to `target`; an unreachable target resets it. */
export async function startFaultProxy(target: Target): Promise<FaultProxy> {
  const proxy = new ScriptedProxy(target);
  await proxy.listen();
  return proxy;
}

interface Pair {
  client: Socket;
  upstream: Socket;
  lanes: FaultLane[];
}

class ScriptedProxy implements FaultProxy {
  readonly #target: Target;
  readonly #faults: Record<Direction, LaneFaults>;
  readonly #pairs = new Set<Pair>();
  readonly #server = createServer({ allowHalfOpen: true }, (client) => this.#onClient(client));
  #refusing = false;
  #accepted = 0;

  constructor(target: Target) {
    this.#target = target;
    this.#faults = { toTarget: noFaults(() => this.cut()), toClient: noFaults(() => this.cut()) };
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  get accepted(): number {
    return this.#accepted;
  }

  get heldBytes(): number {
    let held = 0;
    for (const { lanes } of this.#pairs) for (const lane of lanes) held += lane.heldBytes;
    return held;
  }

  cut(): void {
    for (const { client, upstream, lanes } of this.#pairs) {
      for (const lane of lanes) lane.stop();
      resetSocket(client);
      resetSocket(upstream);
    }
    for (const faults of Object.values(this.#faults)) faults.bytesUntilCut = undefined;
  }

  cutAfter(bytes: number, direction: Direction): void {
    if (!(bytes >= 1)) throw new RangeError('cutAfter needs at least 1 byte; cut() cuts at once');
    this.#faults[direction].bytesUntilCut = bytes;
  }

  delay(ms: number, direction?: Direction): void {
    this.#change(direction, (faults) => {
      faults.delayMs = ms;
    });
  }

  freeze(direction?: Direction): void {
    this.#change(direction, (faults) => {
      faults.frozen = true;
    });
  }

  thaw(direction?: Direction): void {
    this.#change(direction, (faults) => {
      faults.frozen = false;
    });
  }

  split(bytes: number, direction?: Direction): void {
    if (!(bytes >= 1)) throw new RangeError('split needs pieces of at least 1 byte');
    this.#change(direction, (faults) => {
      faults.pieceBytes = bytes;
    });
  }

  refuse(on: boolean): void {
    this.#refusing = on;
  }

  traffic(direction: Direction): { bytes: number; writes: number } {
    const { forwardedBytes, forwardedWrites } = this.#faults[direction];
    return { bytes: forwardedBytes, writes: forwardedWrites };
  }

  async close(): Promise<void> {
    this.#refusing = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.cut();
    await withDeadline(closed, { deadlineMs: closeDeadlineMs, what: 'the fault proxy to close' });
  }

  #change(direction: Direction | undefined, apply: (faults: LaneFaults) => void): void {
    const directions: Direction[] = direction === undefined ? ['toTarget', 'toClient'] : [direction];
    for (const each of directions) {
      apply(this.#faults[each]);
      this.#faults[each].changes.notify();
    }
  }

  #onClient(client: Socket): void {
    if (this.#refusing) {
      resetSocket(client);
      return;
    }
    this.#accepted++;
    const upstream = connect({ host: '127.0.0.1', ...this.#target, allowHalfOpen: true });
    const lanes = [
      new FaultLane(client, upstream, this.#faults.toTarget),
      new FaultLane(upstream, client, this.#faults.toClient),
    ];
    const pair = { client, upstream, lanes };
    this.#pairs.add(pair);
    const forget = () => {
      if (client.closed && upstream.closed) this.#pairs.delete(pair);
    };
    client.on('close', forget);
    upstream.on('close', forget);
  }
}
