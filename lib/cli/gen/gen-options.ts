import type { Longs } from '../../index.ts';
import type { ModuleFormat } from './module-format.ts';

export interface GenOptions {
  /** Folder of the generated modules; made when it is not there. */
  readonly out: string;
  /** Folders in which imports are looked up, and that give the modules their names; the first that fits. */
  readonly include: readonly string[];
  readonly int64: Longs;
  /** Field names as in the .proto. */
  readonly keepCase: boolean;
  /** Fields of type google.protobuf.Timestamp as Date. */
  readonly dates: boolean;
  /** Default: what the nearest package.json of `out` says. */
  readonly module?: ModuleFormat;
}
