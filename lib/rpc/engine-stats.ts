import { theBoundary } from '../addon/boundary.ts';
import type { EngineStats } from '../contract/engine-stats.ts';

/** Statistics of the core as of now; cheap enough for a metrics endpoint. Works with no server or channel open. */
export function engineStats(): EngineStats {
  const boundary = theBoundary();
  return { ...boundary.native.engineStats(), callsPending: boundary.pending.size };
}
