/**
 * The server that OrderServer starts: answers Order.makeOrder until its parent exits. Argument: the number of ports.
 */
import { join } from 'node:path';
import { loadProto, Server } from '../index.ts';
import { packageRoot } from '../package-root.ts';

// Ctrl-C reaches the whole process group; the parent decides when its server ends.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit());

const { Order } = loadProto(join(packageRoot(), 'proto/order.proto'));
if (Order === undefined) throw new Error('proto/order.proto has no service Order');
const reply = { retCode: 0, orderId: '20230514' };
const server = new Server();
server.addService(Order, { makeOrder: () => reply });
const addresses: string[] = [];
for (let i = 0; i < Number(process.argv[2]); i++) {
  addresses.push((await server.listen('127.0.0.1:0')).address);
}
process.send?.(addresses);
