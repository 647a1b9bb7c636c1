/** h2spec, which is no client of gRPC, against each server that has to hold to the letter of HTTP/2. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runH2spec } from './support/h2spec.ts';
import { h2specTargets } from './support/h2spec-targets.ts';
import type { Running } from './support/peer-process.ts';
import { peersAreMissing } from './support/peers.ts';

for (const target of h2specTargets) {
  describe.skipIf(peersAreMissing('h2spec', ...target.needs))(target.name, () => {
    let server: Running;

    beforeAll(async () => {
      server = await target.start();
    });
    afterAll(async () => {
      await server.stop();
    });

    it('fails no case', { timeout: 330_000 }, async () => {
      const { summary, failures } = await runH2spec(server.port);
      console.log(`h2spec on ${target.name}: ${summary}`);
      expect(
        failures.filter((failure) => !target.knownFailures.some((known) => failure.includes(known))),
      ).toEqual([]);
      expect(failures).toHaveLength(target.knownFailures.length);
    });
  });
}
