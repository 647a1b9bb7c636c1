import { describe, expect, it } from 'vitest';
import { certificateNameOf, parseTarget } from '../../lib/contract/target.ts';

describe('a target', () => {
  it.each([
    ['127.0.0.1:50051', '127.0.0.1:50051', '127.0.0.1', 50051, '127.0.0.1:50051'],
    ['[::1]:80', '[::1]:80', '::1', 80, '[::1]:80'],
    ['[2001:db8::1]:1', '[2001:db8::1]:1', '2001:db8::1', 1, '[2001:db8::1]:1'],
    ['localhost:1', 'localhost:1', 'localhost', 1, undefined],
    ['orders.shop.svc:65535', 'orders.shop.svc:65535', 'orders.shop.svc', 65535, undefined],
    ['host:0', 'host:0', 'host', 0, undefined],
    ['unix:/tmp/a.sock', 'unix:/tmp/a.sock', '', 0, 'unix:/tmp/a.sock'],
    ['unix:///tmp/a.sock', 'unix:/tmp/a.sock', '', 0, 'unix:/tmp/a.sock'],
    ['unix:relative.sock', 'unix:relative.sock', '', 0, 'unix:relative.sock'],
    ['static:///10.0.0.1:5', '10.0.0.1:5', '10.0.0.1', 5, '10.0.0.1:5'],
    ['static://10.0.0.1:5', '10.0.0.1:5', '10.0.0.1', 5, '10.0.0.1:5'],
  ])('%s', (text, name, host, port, address) => {
    const { scheme, endpoints } = parseTarget(text);
    expect([scheme, endpoints]).toEqual(['static', [{ name, host, port, address }]]);
  });

  it('may name several endpoints', () => {
    const { endpoints } = parseTarget('static:///a:1, [::1]:2 ,10.0.0.1:3');
    expect(endpoints.map(({ name }) => name)).toEqual(['a:1', '[::1]:2', '10.0.0.1:3']);
  });

  it.each([
    ['etcd:///Order', 'etcd', 'Order'],
    ['etcd://Order', 'etcd', 'Order'],
    ['my-scheme.v1:///a/b?c', 'my-scheme.v1', 'a/b?c'],
  ])('%s is for a resolver', (text, scheme, path) => {
    expect(parseTarget(text)).toEqual({ scheme, path, authority: '', endpoints: [] });
  });

  it.each([
    ['grpc://10.0.0.1:5', 'static', '10.0.0.1:5'],
    ['grpc:///10.0.0.1:5', 'static', '10.0.0.1:5'],
    ['grpc://[::1]:5', 'static', '[::1]:5'],
    ['grpc:///static:a:1,b:2', 'static', 'a:1,b:2'],
    ['grpc:///static:///a:1,b:2', 'static', 'a:1,b:2'],
    ['grpc:///unix:/tmp/a.sock', 'static', '/tmp/a.sock'],
    ['grpc:///unix:///tmp/a.sock', 'static', '/tmp/a.sock'],
    ['grpc:///dns:orders.shop:443', 'dns', 'orders.shop:443'],
    ['grpc:///dns:///orders.shop:443', 'dns', 'orders.shop:443'],
    ['grpc:///etcd:shop.v1.Order', 'etcd', 'shop.v1.Order'],
    ['grpc:///etcd://10.0.0.1:2379/Order', 'etcd', 'Order'],
    ['grpc:///my-scheme:a/b', 'my-scheme', 'a/b'],
    ['grpc:///dns:443', 'static', 'dns:443'],
    ['grpc:///orders', 'grpc', 'orders'],
  ])('%s speaks gRPC', (text, scheme, path) => {
    expect(parseTarget(text)).toMatchObject({ scheme, path, protocol: 'grpc' });
  });

  it.each([
    'grpc://',
    'grpc:///',
    'grpc:///grpc://a:1',
    'grpc:///grpc:a:1',
    'grpc://host',
    'grpc://a:1/b',
    'grpc://::1',
  ])('%j is refused, too', (text) => {
    expect(() => parseTarget(text)).toThrow(TypeError);
  });

  it.each([
    '',
    'host',
    ':80',
    'host:',
    'host:port',
    'host:65536',
    'host:123456',
    'host:-1',
    'host:1:2',
    '::1:80',
    '[::1]',
    '[::1]80',
    '[host]:80',
    '[127.0.0.1]:80',
    '[]:80',
    'a b:80',
    ' host:80',
    'host:80 ',
    'static:///',
    'static:///a:1,',
    'static:///a',
    'unix:',
    `unix:/${'p'.repeat(107)}`,
    'ETCD:///x',
    'http//x:1',
  ])('%j is refused', (text) => {
    expect(() => parseTarget(text)).toThrow(TypeError);
  });

  it('that is no text is refused, and the message shows the forms', () => {
    for (const value of [undefined, null, 80])
      expect(() => parseTarget(value as unknown as string)).toThrow(TypeError);
    expect(() => parseTarget('host')).toThrow(/"host".*host:port.*unix:.*static:/);
  });
});

it.each([
  ['orders.example', 'orders.example'],
  ['orders.example.', 'orders.example'],
  ['orders_1.example', 'orders_1.example'],
  ['bücher.example.', 'xn--bcher-kva.example'],
  ['127.0.0.1', '127.0.0.1'],
  ['127.1', '127.1'],
  ['::1', '::1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['a..', 'a..'],
  ['.', '.'],
  ['', ''],
  ['ü b', 'ü b'],
  ['a\nb', 'a\nb'],
])('a certificate for the host %j is for %j', (host, name) => {
  expect(certificateNameOf(host)).toBe(name);
});
