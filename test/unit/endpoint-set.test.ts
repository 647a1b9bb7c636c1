import { describe, expect, it } from 'vitest';
import { ejectionTable } from '../../lib/balance/ejection.ts';
import { RoundRobin } from '../../lib/balance/round-robin.ts';
import { checkedOptions } from '../../lib/contract/option-table.ts';
import { type ClientProtocol, type ClientTransport, linkState } from '../../lib/contract/transport.ts';
import { EndpointSet } from '../../lib/rpc/endpoint-set.ts';
import { MethodNumbers } from '../../lib/rpc/method-numbers.ts';

/** Of a transport, what an EndpointSet uses; endpoint numbers count from 0. */
function fixture(links = 2, protocol: ClientProtocol = 'tinypb') {
  const done: string[] = [];
  let number = 0;
  const transport = {
    addEndpoint: (name: string) => {
      if (name === 'bad') throw new TypeError('not an address');
      done.push(`add ${name}`);
      return { number: number++, links };
    },
    releaseWaiting: (endpoint: number) => {
      done.push(`release ${endpoint}`);
    },
    removeEndpoint: (endpoint: number) => {
      done.push(`remove ${endpoint}`);
      return Promise.resolve();
    },
    setAddresses: (endpoint: number, addresses: readonly string[]) => {
      if (addresses.includes('bad')) throw new TypeError('not an address');
      done.push(`set ${endpoint} ${addresses.join(' ')}`);
    },
    connect: (endpoint: number) => {
      done.push(`connect ${endpoint}`);
    },
  } as unknown as ClientTransport;
  const told: string[] = [];
  let allFailed = 0;
  let readied = 0;
  const set = new EndpointSet({
    protocol,
    transport,
    methods: new MethodNumbers(transport, protocol),
    balancer: new RoundRobin(),
    ejection: checkedOptions('ejection', {}, ejectionTable),
    onLost: (name, error) => told.push(`lost ${name}: ${error}`),
    onRegained: (name) => told.push(`regained ${name}`),
    onRefused: (name, error) => told.push(`refused ${name}: ${error.message}`),
    onAllFailed: () => allFailed++,
    onChange: () => undefined,
    onNoneUsable: () => undefined,
    onReady: () => readied++,
  });
  const picks = (times: number) => Array.from({ length: times }, () => set.pick()?.number);
  return { set, done, told, picks, allFailed: () => allFailed, readied: () => readied };
}

const endpoint = (name: string, ...addresses: string[]) => ({ name, addresses });

describe('an endpoint set', () => {
  it('picks nothing when it is empty', () => {
    const { set, allFailed } = fixture();
    expect([set.pick(), set.size, allFailed()]).toEqual([undefined, 0, 0]);
  });

  it('picks in turn, skips what failed on all links, and takes it back', () => {
    const { set, picks } = fixture();
    set.update([endpoint('a'), endpoint('b'), endpoint('c')], false);
    expect(picks(6)).toEqual([0, 1, 2, 0, 1, 2]);
    set.onLinkState(1, 0, linkState.failed, '');
    expect(new Set(picks(6))).toEqual(new Set([0, 1, 2]));
    set.onLinkState(1, 1, linkState.failed, '');
    expect(picks(6).sort()).toEqual([0, 0, 0, 2, 2, 2]);
    set.onLinkState(1, 0, linkState.connecting, '');
    expect(new Set(picks(6))).toEqual(new Set([0, 1, 2]));
  });

  it('picks from all when all have failed, and reports it each time', () => {
    const { set, picks, allFailed } = fixture(1);
    set.update([endpoint('a'), endpoint('b')], false);
    set.onLinkState(0, 0, linkState.failed, '');
    expect(allFailed()).toBe(0);
    set.onLinkState(1, 0, linkState.failed, '');
    expect(allFailed()).toBe(1);
    expect(picks(4).sort()).toEqual([0, 0, 1, 1]);
    set.onLinkState(1, 0, linkState.ready, '');
    expect([allFailed(), picks(2)]).toEqual([1, [1, 1]]);
  });

  it('reports once that an endpoint is lost and once its return, however often it fails in between', () => {
    const { set, told } = fixture(2);
    set.update([endpoint('a'), endpoint('b')], false);
    set.onLinkState(0, 0, linkState.failed, 'refused');
    set.onLinkState(0, 1, linkState.failed, 'refused');
    set.onLinkState(0, 0, linkState.connecting, '');
    set.onLinkState(0, 0, linkState.failed, 'timed out');
    expect(told).toEqual(['lost a: refused']);
    set.onLinkState(1, 0, linkState.ready, '');
    set.onLinkState(0, 0, linkState.ready, '');
    set.onLinkState(0, 1, linkState.ready, '');
    expect(told).toEqual(['lost a: refused', 'regained a']);
  });

  it('adds, removes and changes endpoints as a new list says', async () => {
    const { set, done } = fixture();
    set.update([endpoint('a', 'x:1'), endpoint('b', 'y:1')], false);
    set.update([endpoint('b', 'y:1', 'y:2'), endpoint('c', 'z:1')], true);
    set.update([endpoint('b', 'y:1', 'y:2'), endpoint('c', 'z:1')], true);
    expect(done).toEqual(['add a', 'add b', 'remove 0', 'set 1 y:1 y:2', 'add c', 'connect 2']);
    expect(set.names()).toEqual(['b', 'c']);
    set.onLinkState(0, 0, linkState.failed, ''); // of one that is gone
    set.connectAll();
    await set.close();
    expect(done.slice(6)).toEqual(['connect 1', 'connect 2', 'remove 1', 'remove 2']);
    expect(set.pick()).toBeUndefined();
  });

  it('leaves out an address that the transport refuses, logs it once while it is listed, and takes all others', () => {
    const { set, done, told, picks } = fixture();
    const list = [endpoint('a', 'x:1'), endpoint('bad'), endpoint('b', 'y:1')];
    set.update(list, false);
    set.update(list, false);
    expect([set.names(), told]).toEqual([['a', 'b'], ['refused bad: not an address']]);
    expect(picks(4)).toEqual([0, 1, 0, 1]);
    expect(set.refusal).toBe('bad: not an address');
    set.update([endpoint('a', 'bad'), endpoint('b', 'y:1')], false);
    expect(told[1]).toBe('refused a: not an address');
    set.update([endpoint('a', 'x:1'), endpoint('bad')], false);
    expect(told[2]).toBe('refused bad: not an address');
    expect(done).toEqual(['add a', 'add b', 'remove 1']);
    set.update([endpoint('a', 'x:1')], false);
    expect(set.refusal).toBeUndefined();
  });

  it.each(['tinypb', 'grpc'] as const)(
    'lets calls by %s end at an endpoint that is no longer listed, and gives back those that are not sent',
    (protocol) => {
      for (const last of [linkState.idle, linkState.connecting, linkState.ready, linkState.failed]) {
        const { set, done } = fixture(1, protocol);
        set.update([endpoint('a', 'x:1')], true);
        const a = set.pick()!;
        set.begin(a);
        set.begin(a);
        set.onLinkState(0, 0, last, '');
        set.update([], true);
        expect(done.slice(2)).toEqual(['release 0']);
        set.onLinkState(0, 0, linkState.ready, '');
        expect(done.slice(2)).toEqual(['release 0']);
        set.onLinkState(0, 0, linkState.connecting, '');
        set.onLinkState(0, 0, linkState.failed, 'refused');
        expect(done.slice(2)).toEqual(['release 0', 'release 0', 'release 0']);
        set.end(a, 0, undefined);
        expect(set.states()).toMatchObject([{ state: 'draining', inFlight: 1 }]);
        set.end(a, 0, undefined);
        expect(done.slice(5)).toEqual(['remove 0']);
      }
    },
  );

  it('takes a name that is given twice once', () => {
    const { set, picks } = fixture();
    set.update([endpoint('a', 'x:1'), endpoint('a', 'x:1')], false);
    expect([set.size, picks(2)]).toEqual([1, [0, 0]]);
  });
});
