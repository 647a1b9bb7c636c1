import path from 'node:path';
import { type Bidi, type ClientStream, loadProto, type ServerStream, type Unary } from '../../lib/index.ts';

export interface Ask {
  size?: number;
  replies?: number;
  waitMs?: number;
  body?: Uint8Array;
}

export interface Answer {
  body?: Uint8Array;
  taken?: number;
}

export const soakProto = path.resolve(import.meta.dirname, 'soak.proto');

export const { Soak } = loadProto<{
  Soak: {
    one: Unary<Ask, Answer>;
    replies: ServerStream<Ask, Answer>;
    requests: ClientStream<Ask, Answer>;
    both: Bidi<Ask, Answer>;
  };
}>(soakProto);
