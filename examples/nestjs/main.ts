/**
 * A NestJS application with rocket-rpc as its transport, and one that calls it.
 *
 *     npx tsx --tsconfig examples/nestjs/tsconfig.json examples/nestjs/main.ts [rocket|nest] [host:port]
 *
 * `nest` runs the same controllers on Nest's own transport.
 */
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { OrdersModule } from './orders.module.ts';
import { Shop, ShopModule } from './shop.module.ts';
import { onNest, onRocket } from './transport.ts';

const url = process.argv[3] ?? '127.0.0.1:50061';
const transport = process.argv[2] === 'nest' ? onNest(url) : onRocket(url);

const server = await NestFactory.createMicroservice(OrdersModule, { ...transport, logger: ['error'] });
await server.listen();

const app = await NestFactory.createApplicationContext(ShopModule.at(url), { logger: ['error'] });
const shop = app.get(Shop);

console.log('ordered:', await shop.buy({ goods: 'apple', count: 3 }));
const refused = (error: Error): void => console.log('refused:', error.message);
await shop.buy({ goods: 'apple', count: 0 }).catch(refused);
await shop.buyWithoutToken({ goods: 'pear', count: 1 }).catch(refused);
console.log('imported:', await shop.buyAll({ goods: 'pear', count: 2 }, { goods: 'apple', count: 5 }));
for (const order of await shop.first('apple', 2)) console.log('watched:', order);
for (const price of await shop.prices({ goods: 'fig', count: 7 })) console.log('quoted:', price);

await app.close();
await server.close();
