import * as rocket from 'rocket-rpc';
import { expect, it } from 'vitest';
import { greet } from './greet.mjs';

it('makes a call', async () => {
  expect(await greet(rocket, 'vitest')).toContain(`hello vitest from ${process.version} by `);
});
