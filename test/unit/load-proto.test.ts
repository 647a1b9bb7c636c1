import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadProto } from '../../lib/index.ts';

const protos = path.resolve(import.meta.dirname, '../support/protos');
const shop = path.join(protos, 'shop.proto');

describe('loadProto', () => {
  it('gives services by full name and by short name', () => {
    const services = loadProto(shop);
    expect(Object.keys(services).sort()).toEqual(['Admin', 'Shop', 'shop.v1.Admin', 'shop.v1.Shop']);
    expect(services['Shop']).toBe(services['shop.v1.Shop']);
    expect(services['Shop']).toMatchObject({ name: 'shop.v1.Shop' });
  });

  it('names methods as in JavaScript, and sends them as in the .proto', () => {
    const { methods } = loadProto(shop)['Shop']!;
    expect(Object.keys(methods)).toEqual(['echo', 'chain', 'watch', 'upload']);
    expect(methods['echo']).toMatchObject({ name: 'Echo', wireName: 'shop.v1.Shop.Echo' });
    expect(methods['chain']).toMatchObject({ name: 'chain', wireName: 'shop.v1.Shop.chain' });
  });

  it('gives a short name that two services have to neither', () => {
    const services = loadProto([shop, path.join(protos, 'other.proto')]);
    expect(Object.keys(services).sort()).toEqual([
      'Only',
      'Shop',
      'other.Admin',
      'other.Only',
      'shop.v1.Admin',
      'shop.v1.Shop',
    ]);
  });

  it('finds imports beside the file and in includeDirs, and the common types of Google', () => {
    expect(loadProto('shop.proto', { includeDirs: [protos] })['Shop']).toBeDefined();
    expect(loadProto(path.relative(process.cwd(), shop))['Shop']).toBeDefined();
  });

  it.each([
    ['a missing file', 'nowhere.proto', 'nowhere.proto'],
    ['a missing import', path.join(protos, 'missing-import.proto'), 'nowhere.proto'],
    ['a file that is no .proto', import.meta.filename, 'load-proto.test.ts'],
  ])('throws for %s, with its name', (_, file, text) => {
    expect(() => loadProto(file)).toThrow(text);
  });

  it.each<[what: string, paths: unknown, options: unknown, text: string]>([
    ['no path', undefined, {}, 'the path of a .proto file is needed'],
    ['no paths', [], {}, 'the path of a .proto file is needed'],
    ['a path that is none', [shop, 5], {}, 'paths[1] must be a string, not 5'],
    ['options that are none', shop, null, 'loadProto takes an object of options, not null'],
    ['an option that is not known', shop, { includeDir: protos }, 'loadProto has no option includeDir'],
    ['a folder instead of folders', shop, { includeDirs: protos }, 'includeDirs must be an array of strings'],
    ['keepCase that is no boolean', shop, { keepCase: 'yes' }, 'keepCase must be true or false'],
    ['longs of another library', shop, { longs: String }, 'longs must be one of bigint, string, number'],
  ])('refuses %s', (_, paths, options, text) => {
    const load = loadProto as (paths: unknown, options: unknown) => unknown;
    expect(() => load(paths, options)).toThrow(TypeError);
    expect(() => load(paths, options)).toThrow(text);
  });

  it('makes field names camel case, or keeps them', () => {
    const order = path.resolve(protos, '../../../proto/order.proto');
    const decode = (keepCase: boolean) => {
      const codec = loadProto(order, { keepCase })['Order']!.methods['makeOrder']!.response;
      return codec.decode(Buffer.from('1a0178', 'hex'), 0, 3);
    };
    expect(decode(false)).toMatchObject({ orderId: 'x' });
    expect(decode(true)).toMatchObject({ order_id: 'x' });
  });
});
