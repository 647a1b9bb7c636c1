/** What `rocket call`, as it is compiled, says of a call that fails. */
import { beforeAll, describe, expect, it } from 'vitest';
import { builtPackage } from '../support/child.ts';
import { jsonProto, startServer } from '../support/json-server.ts';
import { linesOf, outcomeOf } from '../support/rocket-call.ts';

beforeAll(() => builtPackage(), 60_000);

describe('a call that fails', () => {
  it('says its status, with its details, and ends with 64 and its number', async () => {
    const { address } = await startServer();
    const { code, lines, errors } = await outcomeOf([address, 'Json/Echo', '-d', '{"text":"refused"}']);
    expect({ code, lines }).toEqual({ code: 69, lines: [] });
    expect(errors).toBe(
      'rocket call: NOT_FOUND: no such \\u001b[31mtext\n' +
        '  detail: {"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"GONE","domain":"json","metadata":{"a":"b"}}\n',
    );
  });

  it('says the number of an application that has its own', async () => {
    const { address } = await startServer({ protocols: ['tinypb'] });
    const args = [address, 'Json/Echo', '-d', '{"text":"own"}', '--proto', jsonProto, '--protocol', 'tinypb'];
    const { code, errors } = await outcomeOf(args);
    expect({ code, errors }).toEqual({
      code: 66,
      errors: 'rocket call: UNKNOWN (error code 4711): own error\n',
    });
  });

  it('says it where nobody listens', async () => {
    for (const more of [[], ['--proto', jsonProto], ['--proto', jsonProto, '--protocol', 'tinypb']]) {
      const { code, errors } = await outcomeOf(['127.0.0.1:1', 'json.v1.Json/Echo', ...more]);
      expect(errors).toMatch(/^rocket call: UNAVAILABLE: .*refused/);
      expect(code).toBe(78);
    }
  });

  it('says it when the time is up', async () => {
    const { address } = await startServer();
    const { code, errors } = await outcomeOf([
      address,
      'Json/Echo',
      '-d',
      '{"text":"never"}',
      '--timeout',
      '300',
    ]);
    expect(errors).toMatch(/^rocket call: DEADLINE_EXCEEDED: /);
    expect(code).toBe(68);
  });

  it('says which option allows a longer message', async () => {
    const { address } = await startServer();
    const long = ['-d', JSON.stringify({ text: 'x'.repeat(5000) })];
    for (const protocol of ['grpc', 'tinypb']) {
      const given = [address, 'Json/Echo', ...long, '--protocol', protocol];
      expect(await linesOf([...given, '--max-message-bytes', '6000'])).toHaveLength(1);
    }
    const { code, errors } = await outcomeOf([address, 'Json/Echo', ...long, '--max-message-bytes', '4000']);
    expect(errors).toContain('--max-message-bytes');
    expect(code).toBe(72);
  });

  it.each([
    ['{"int":"x"}', 'int: a 32-bit integer is needed, not the text "x"'],
    ['{"innt":1}', 'innt: no such field in json.v1.All; is int meant?'],
    ['{}{}', 'json.v1.Json.Echo takes one request'],
    ['', 'is empty'],
    ['{', 'JSON'],
  ])('refuses %j before it is sent', async (data, said) => {
    const { address, seen } = await startServer();
    const { code, errors } = await outcomeOf([address, 'Json/Echo', '--data', data]);
    expect(errors).toMatch(/^rocket call: --data/);
    expect(errors).toContain(said);
    expect(code).toBe(2);
    expect(seen.metadata).toEqual([]);
  });

  it('takes unknown fields where that is allowed', async () => {
    const { address } = await startServer();
    const data = ['--data', '{"innt":1}', '--allow-unknown-fields'];
    expect(await linesOf([address, 'Json/Echo', ...data])).toEqual(['{}']);
  });
});
