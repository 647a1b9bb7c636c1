/** grpc's cases of compression, on each server that does as they ask; each message's flag is looked at. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compressionCases } from './support/cases.ts';
import { Http2Client } from './support/http2-client.ts';
import { encodings } from './support/message-frames.ts';
import type { Running } from './support/peer-process.ts';
import { peersAreMissing } from './support/peers.ts';
import { targets } from './support/targets.ts';
import type { StreamingInputCallResponse, StreamingOutputCallResponse } from './test-messages.ts';

const ok = '0';
const invalidArgument = '3';
const compressing = targets.filter(({ lacks }) => !compressionCases.some((name) => lacks.includes(name)));

for (const target of compressing) {
  describe.skipIf(peersAreMissing(...target.needs))(target.name, () => {
    let server: Running;
    let client: Http2Client;

    beforeAll(async () => {
      server = await target.start();
      client = new Http2Client(server.port);
    });
    afterAll(async () => {
      client.close();
      await server.stop();
    });

    describe.each(encodings)('%s', (encoding) => {
      const unary = (fields: object, compressed: boolean) => {
        const request = { responseSize: 314_159, payload: { body: Buffer.alloc(271_828) }, ...fields };
        return client.call<StreamingOutputCallResponse>('UnaryCall', [{ request, compressed }], encoding);
      };
      const input = (bytes: number, expected: boolean, compressed: boolean) => {
        const request = { expectCompressed: { value: expected }, payload: { body: Buffer.alloc(bytes) } };
        return { request, compressed };
      };

      it('client_compressed_unary', async () => {
        expect((await unary({ expectCompressed: { value: true } }, false)).status).toBe(invalidArgument);
        for (const compressed of [true, false]) {
          const answer = await unary({ expectCompressed: { value: compressed } }, compressed);
          expect(answer.status).toBe(ok);
          expect(answer.responses[0]?.response.payload?.body).toHaveLength(314_159);
        }
      });

      it('server_compressed_unary', async () => {
        for (const compressed of [true, false]) {
          const answer = await unary({ responseCompressed: { value: compressed } }, false);
          expect(answer.status).toBe(ok);
          expect(answer.responses.map((received) => received.compressed)).toEqual([compressed]);
          if (compressed) expect(answer.encoding).toBe(encoding);
          expect(answer.responses[0]?.response.payload?.body).toHaveLength(314_159);
        }
      });

      it('client_compressed_streaming', async () => {
        const probe = await client.call('StreamingInputCall', [input(27_182, true, false)], encoding);
        expect(probe.status).toBe(invalidArgument);
        const requests = [input(27_182, true, true), input(45_904, false, false)];
        const answer = await client.call<StreamingInputCallResponse>(
          'StreamingInputCall',
          requests,
          encoding,
        );
        expect(answer.status).toBe(ok);
        expect(answer.responses[0]?.response.aggregatedPayloadSize).toBe(73_086);
      });

      it('server_compressed_streaming', async () => {
        const responseParameters = [
          { compressed: { value: true }, size: 31_415 },
          { compressed: { value: false }, size: 92_653 },
        ];
        const requests = [{ request: { responseParameters }, compressed: false }];
        const answer = await client.call<StreamingOutputCallResponse>(
          'StreamingOutputCall',
          requests,
          encoding,
        );
        expect(answer.status).toBe(ok);
        expect(answer.responses.map(({ compressed }) => compressed)).toEqual([true, false]);
        expect(answer.responses.map(({ response }) => response.payload?.body?.length)).toEqual([
          31_415, 92_653,
        ]);
      });
    });
  });
}
