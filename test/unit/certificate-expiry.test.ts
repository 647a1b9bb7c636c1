/** When a certificate of one's own is spoken of before it expires. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { CertificateExpiry } from '../../lib/rpc/certificate-expiry.ts';

const hour = 3_600_000;
const day = 24 * hour;

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) });
});
afterEach(() => {
  vi.useRealTimers();
});

/** What is logged of a certificate that is valid from so long ago for so long, and after how much time from now. */
function linesOf(fromMs: number, untilMs: number): [number, string][] {
  const began = Date.now();
  const lines: [number, string][] = [];
  const write = (line: string) => lines.push([Date.now() - began, line]);
  const expiry = new CertificateExpiry("the server's", { warn: write, error: write });
  expiry.watch({ from: began + fromMs, until: began + untilMs });
  vi.advanceTimersByTime(untilMs + 100 * day);
  expect(vi.getTimerCount()).toBe(0);
  return lines;
}

it('is 30, 7 and 1 day before, and when it has expired', () => {
  const lines = linesOf(0, 365 * day);
  expect(lines.map(([at]) => at / day)).toEqual([335, 358, 364, 365]);
  expect(lines.map(([, line]) => line)).toEqual([
    "the server's certificate expires in 30 days, at 2027-01-01T00:00:00.000Z",
    "the server's certificate expires in 7 days, at 2027-01-01T00:00:00.000Z",
    "the server's certificate expires in 24 hours, at 2027-01-01T00:00:00.000Z",
    "the server's certificate has expired, at 2027-01-01T00:00:00.000Z: its peers refuse it",
  ]);
});

it('is later for certificates that are not valid for long', () => {
  expect(linesOf(0, 90 * day).map(([at]) => (90 * day - at) / day)).toEqual([22.5, 7, 1, 0]);
  expect(linesOf(0, day).map(([at]) => (day - at) / hour)).toEqual([6, 3, 1.5, 0]);
  expect(linesOf(0, hour).map(([at]) => (hour - at) / 60_000)).toEqual([15, 7.5, 3.75, 0]);
});

it('begins with the stage that it is in', () => {
  expect(linesOf(-364 * day, day / 2).map(([at]) => at / hour)).toEqual([0, 12]);
  vi.setSystemTime(Date.UTC(2026, 0, 1));
  const [line, ...others] = linesOf(-364 * day, -day);
  expect(line).toEqual([0, expect.stringContaining('has expired, at 2025-12-31')]);
  expect(others).toEqual([]);
});

it('is once for one logger, however many have that certificate', () => {
  const lines: string[] = [];
  const logger = { warn: (line: string) => lines.push(line), error: (line: string) => lines.push(line) };
  const validity = { from: Date.now() - 364 * day, until: Date.now() + day / 2 };
  const each = ['a', 'a', 'b'].map((whose) => new CertificateExpiry(whose, logger));
  for (const expiry of each) expiry.watch(validity);
  for (const expiry of each) expiry.watch(validity);
  expect(lines.map((line) => line[0])).toEqual(['a', 'b']);
  vi.advanceTimersByTime(day);
  expect(lines.map((line) => line[0])).toEqual(['a', 'b', 'a', 'b']);
  expect(vi.getTimerCount()).toBe(0);
});

it('is of the certificate in use', () => {
  const lines: string[] = [];
  const expiry = new CertificateExpiry('its', { warn: (line) => lines.push(line), error: () => undefined });
  const until = Date.now() + 40 * day;
  expiry.watch({ from: Date.now() - 300 * day, until });
  expiry.watch({ from: Date.now(), until: until + 1000 * day });
  vi.advanceTimersByTime(900 * day);
  expect(lines).toEqual([]);
  expiry.watch(undefined);
  expect(vi.getTimerCount()).toBe(0);
  expiry.watch({ from: 0, until: 1e18 });
  expiry.close();
  expect(vi.getTimerCount()).toBe(0);
  expect(lines).toEqual([]);
});

it('is nothing with logger: false', () => {
  const expiry = new CertificateExpiry('its', false);
  expiry.watch({ from: 0, until: 1 });
  expect(vi.getTimerCount()).toBe(0);
});
