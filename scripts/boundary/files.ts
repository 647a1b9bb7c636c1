import { eventsHeader, hashHeader, logHeader, numbersHeader } from './cpp.ts';
import { contractNumbers, layout } from './typescript.ts';

/** The files that are made from the description, by path. */
export function boundaryFiles(): ReadonlyMap<string, string> {
  return new Map([
    ['lib/contract/boundary.ts', contractNumbers()],
    ['lib/addon/layout.ts', layout()],
    ['native/core/rpc/boundary.h', numbersHeader()],
    ['native/core/rpc/events.h', eventsHeader()],
    ['native/core/log/boundary.h', logHeader()],
    ['native/addon/boundary_hash.h', hashHeader()],
  ]);
}
