import { fileURLToPath } from 'node:url';
import { loadProto, type Unary } from 'rocket-rpc';

/** The types of shop.proto. */
interface Services {
  Stock: { reserve: Unary<{ goods?: string; count?: number }, { by?: string }> };
  Orders: { place: Unary<{ goods?: string }, { orderId?: string; reservedBy?: string }> };
}

export const { Stock, Orders } = loadProto<Services>(fileURLToPath(new URL('shop.proto', import.meta.url)));
