import { setImmediate as immediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { RpcError } from '../../lib/index.ts';
import { ClosedLoop } from '../../lib/load/closed-loop.ts';
import { OpenLoop } from '../../lib/load/open-loop.ts';
import { Recorder } from '../../lib/load/recorder.ts';
import { Schedule } from '../../lib/load/schedule.ts';

/** Calls that end when the test says so, and time that passes when it says so. */
function world(windowEndMs = Number.POSITIVE_INFINITY) {
  const calls: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const clock = { nowMs: 0 };
  const recorder = new Recorder(windowEndMs);
  const send = () =>
    new Promise<void>((resolve, reject) => {
      calls.push({ resolve, reject });
    });
  return { calls, clock, recorder, ports: { send, now: () => clock.nowMs, recorder } };
}

describe('the schedule', () => {
  it('is even', () => {
    const schedule = new Schedule(100, 2, 1, 0);
    expect(schedule.total).toBe(200);
    expect([0, 1, 199].map((call) => schedule.timeOf(call))).toEqual([0, 10, 1990]);
  });

  it('is dealt out to threads in turn', () => {
    const schedules = [0, 1, 2].map((index) => new Schedule(100, 0.1, 3, index));
    expect(schedules.map(({ total }) => total)).toEqual([4, 3, 3]);
    const times = schedules.flatMap((schedule) =>
      Array.from({ length: schedule.total }, (_, call) => schedule.timeOf(call)),
    );
    expect(times.sort((a, b) => a - b)).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80, 90]);
  });

  it('has a call even when time and rate make less than one', () => {
    expect(new Schedule(1, 0.1, 1, 0).total).toBe(1);
  });
});

describe('the open loop', () => {
  it('makes all calls that are due, whatever is pending, and returns when the next one is', () => {
    const { calls, clock, ports } = world();
    clock.nowMs = 500;
    const loop = new OpenLoop(ports, new Schedule(100, 1, 1, 0), 500, 1000);
    expect(loop.sendDue()).toBe(10);
    expect(calls).toHaveLength(1);
    clock.nowMs = 503;
    expect(loop.sendDue()).toBe(7);
    expect(calls).toHaveLength(1);
    clock.nowMs = 545;
    expect(loop.sendDue()).toBe(5);
    expect(calls).toHaveLength(5);
    expect(loop.pending).toBe(5);
    expect(loop.maxSendLagMs).toBe(35);
    clock.nowMs = 5000;
    expect(loop.sendDue()).toBeUndefined();
    expect(calls).toHaveLength(100);
  });

  it('counts a latency from the time the call was scheduled for', async () => {
    const { calls, clock, ports, recorder } = world();
    const loop = new OpenLoop(ports, new Schedule(100, 0.03, 1, 0), 0, 1000);
    clock.nowMs = 25;
    loop.sendDue();
    clock.nowMs = 30;
    for (const call of calls) call.resolve();
    await immediate();
    const { latencies, succeeded } = recorder.take();
    expect(succeeded).toBe(3);
    expect(latencies.min / 1e6).toBeCloseTo(10, 1);
    expect(latencies.max / 1e6).toBeCloseTo(30, 1);
  });

  it('counts what it may not send as NOT_SENT', () => {
    const { calls, clock, ports, recorder } = world();
    const loop = new OpenLoop(ports, new Schedule(1000, 1, 1, 0), 0, 10);
    clock.nowMs = 1000;
    loop.sendDue();
    expect(calls).toHaveLength(10);
    expect(recorder.failed).toBe(990);
    expect(
      recorder.failures.get('NOT_SENT # calls were pending when a call was due (maxInFlight)'),
    ).toMatchObject({ count: 990 });
  });

  it('ends when the last pending call has', async () => {
    const { calls, clock, ports, recorder } = world();
    clock.nowMs = 100;
    const loop = new OpenLoop(ports, new Schedule(100, 0.02, 1, 0), 0, 10);
    const run = loop.run();
    expect(calls).toHaveLength(2);
    calls[0]?.resolve();
    calls[1]?.reject(new RpcError('DEADLINE_EXCEEDED', 'late'));
    await run;
    expect(recorder).toMatchObject({ succeeded: 1, failed: 1 });
    expect([...recorder.failures]).toEqual([['DEADLINE_EXCEEDED late', { count: 1, example: 'late' }]]);
  });
});

describe('the closed loop', () => {
  it('keeps so many calls pending, and makes exactly so many', async () => {
    const { calls, ports, recorder } = world();
    const loop = new ClosedLoop(ports, { concurrency: 3, calls: 5, endMs: Number.POSITIVE_INFINITY });
    const run = loop.run();
    expect(calls).toHaveLength(3);
    calls[0]?.resolve();
    await immediate();
    expect(calls).toHaveLength(4);
    for (let i = 1; i < 5; i++) {
      calls[i]?.resolve();
      await immediate();
    }
    await run;
    expect(calls).toHaveLength(5);
    expect(recorder.succeeded).toBe(5);
  });

  it('makes no call after its time, waits for the pending ones, and counts them outside the window', async () => {
    const { calls, clock, ports, recorder } = world(100);
    const loop = new ClosedLoop(ports, { concurrency: 2, calls: Number.POSITIVE_INFINITY, endMs: 100 });
    const run = loop.run();
    clock.nowMs = 99;
    calls[0]?.resolve();
    await immediate();
    clock.nowMs = 150;
    calls[1]?.resolve();
    calls[2]?.resolve();
    await run;
    expect(calls).toHaveLength(3);
    expect(recorder).toMatchObject({ succeeded: 3, succeededInWindow: 1 });
  });

  it('continues after failures, without keeping the event loop alive', async () => {
    const { clock, recorder } = world();
    let turns = 0;
    const send = () => Promise.reject(new RpcError('UNAVAILABLE', 'nobody there'));
    const ports = { send, now: () => clock.nowMs, recorder };
    const loop = new ClosedLoop(ports, { concurrency: 10, calls: 100, endMs: Number.POSITIVE_INFINITY });
    const counting = setInterval(() => turns++, 0);
    await loop.run();
    clearInterval(counting);
    expect(recorder.failures.get('UNAVAILABLE nobody there')).toMatchObject({ count: 100 });
    expect(loop.pending).toBe(0);
  });

  it('leaves pending calls unfinished when it is abandoned', async () => {
    const { calls, ports, recorder } = world();
    const loop = new ClosedLoop(ports, { concurrency: 4, calls: 100, endMs: Number.POSITIVE_INFINITY });
    const run = loop.run();
    loop.abandon();
    await run;
    for (const call of calls) call.resolve();
    await immediate();
    expect(recorder.succeeded).toBe(0);
    expect(loop.pending).toBe(4);
    expect(calls).toHaveLength(4);
  });
});
