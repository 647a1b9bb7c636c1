import type { BalancedEndpoint, Balancer, BalancerFactory } from '../balance/balancer.ts';
import { RoundRobin } from '../balance/round-robin.ts';
import type { Endpoint } from '../discovery/resolver.ts';
import { type ClientTransport, type LinkState, linkState } from './transport.ts';

interface Known extends BalancedEndpoint {
  readonly number: number;
  addresses: string;
  readonly links: LinkState[];
}

/** The endpoints of a channel, and which of them can be used: those that are ready, or else all that have not failed. */
export class EndpointSet {
  readonly #transport: ClientTransport;
  readonly #balancer: Balancer<Known>;
  /** Chooses when no endpoint is usable, so that the core can say why, or wait for readiness. */
  readonly #everyone: Balancer<Known>;
  readonly #known = new Map<string, Known>();
  readonly #byNumber = new Map<number, Known>();
  readonly #onAllFailed: () => void;
  readonly #removals = new Set<Promise<void>>();

  constructor(transport: ClientTransport, makeBalancer: BalancerFactory, onAllFailed: () => void) {
    this.#transport = transport;
    this.#balancer = makeBalancer();
    this.#everyone = new RoundRobin();
    this.#onAllFailed = onAllFailed;
  }

  get size(): number {
    return this.#known.size;
  }

  names(): string[] {
    return [...this.#known.keys()];
  }

  pick(): number | undefined {
    return (this.#balancer.pick() ?? this.#everyone.pick())?.number;
  }

  /** Takes over a resolver's list: adds, removes, and changes addresses. */
  update(endpoints: readonly Endpoint[], connect: boolean): void {
    const wanted = new Map(endpoints.map((endpoint) => [endpoint.name, endpoint]));
    for (const known of [...this.#known.values()]) {
      if (!wanted.has(known.name)) this.#remove(known);
    }
    for (const { name, addresses } of wanted.values()) {
      const joined = addresses.join(' ');
      const known = this.#known.get(name);
      if (known === undefined) this.#add(name, addresses, joined, connect);
      else if (known.addresses !== joined) {
        known.addresses = joined;
        this.#transport.setAddresses(known.number, addresses);
      }
    }
    this.#refill();
  }

  /** Begins to connect everywhere. */
  connectAll(): void {
    for (const { number } of this.#byNumber.values()) this.#transport.connect(number);
  }

  onLinkState(endpoint: number, link: number, state: LinkState): void {
    const known = this.#byNumber.get(endpoint);
    if (known === undefined) return;
    known.links[link] = state;
    this.#refill();
    if (this.#known.size > 0 && [...this.#known.values()].every((each) => !isUsable(each)))
      this.#onAllFailed();
  }

  async close(): Promise<void> {
    for (const known of [...this.#known.values()]) this.#remove(known);
    this.#refill();
    await Promise.all(this.#removals);
  }

  #add(name: string, addresses: readonly string[], joined: string, connect: boolean): void {
    const { number, links } = this.#transport.addEndpoint(name, addresses);
    const known: Known = {
      number,
      name,
      weight: 1,
      inFlight: 0,
      addresses: joined,
      links: Array.from({ length: links }, () => linkState.idle),
    };
    this.#known.set(name, known);
    this.#byNumber.set(number, known);
    if (connect) this.#transport.connect(number);
  }

  #remove(known: Known): void {
    this.#known.delete(known.name);
    this.#byNumber.delete(known.number);
    const removal = this.#transport
      .removeEndpoint(known.number)
      .finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
  }

  #refill(): void {
    const all = [...this.#known.values()];
    this.#everyone.update(all);
    // While one endpoint is ready no call has to wait for another to connect, or find out that it is dead.
    const ready = all.filter(isReady);
    const usable = ready.length > 0 ? ready : all.filter(isUsable);
    this.#balancer.update(usable);
  }
}

function isReady({ links }: Known): boolean {
  return links.includes(linkState.ready);
}

function isUsable({ links }: Known): boolean {
  return links.some((state) => state !== linkState.failed);
}
