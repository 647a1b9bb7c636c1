import type { Longs } from '../../index.ts';
import type { ModuleFormat } from './module-format.ts';

export interface GenOptions {
  /** Folder of the generated modules; made when it is not there. */
  readonly out: string;
  /**
   * Folders in which imports are looked up. A module is named by its path below the first of them that contains its
   * .proto.
   */
  readonly include: readonly string[];
  readonly int64: Longs;
  /** Field names as in the .proto. */
  readonly keepCase: boolean;
  /** Fields of type google.protobuf.Timestamp as Date. */
  readonly dates: boolean;
  /** Default: as the package.json nearest to `out` says. */
  readonly module?: ModuleFormat;
}
