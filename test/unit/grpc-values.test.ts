import path from 'node:path';
import { loadSync } from '@grpc/proto-loader';
import { expect, it } from 'vitest';
import { toServiceDefinition } from '../../lib/codec/grpc.ts';
import type { GrpcServiceDefinition } from '../../lib/index.ts';
import { shapes } from '../support/shapes-of-values.ts';

const protos = path.resolve(import.meta.dirname, '../support/protos');
const definitions = loadSync(path.join(protos, 'shop.proto'), { includeDirs: [protos] });
const { methods } = toServiceDefinition(definitions['shop.v1.Shop'] as unknown as GrpcServiceDefinition);

/** Left to the serializer, which knows what it takes. */
const passed =
  /^(?:undefined|null|true|zero|one|two|minus|fraction|NaN|Infinity|un|int|be|big|text|empty$|word|hex|exp|lead|lone|emoji|object|array|instance|inherited|getter|Buffer|empty Buffer|.*Array|part of|.*ArrayBuffer|DataView|Long|.* Long|Proxy|iterator literal|arguments|Math|globalThis|URL|Headers|Abort|Intl|WeakRef|thenable literal)/;

it.each(Object.keys(shapes))(
  '%s is refused before a grpc-js serializer makes an empty message of it',
  (shape) => {
    const codec = methods['chain']!.request;
    const into = Buffer.alloc(4096);
    let end: number;
    try {
      end = codec.encodeInto(shapes[shape]!(), into, 0);
    } catch (error) {
      expect(error).toBeInstanceOf(Error);
      return;
    }
    expect(end).toBeGreaterThanOrEqual(-1);
    expect(passed.test(shape), shape).toBe(true);
  },
);
