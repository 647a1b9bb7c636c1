/** Of a makeOrderRequest without goods: `price = 100`. */
const priceBytes = [0x08, 100];
const goodsTag = 0x12;

/** A protobuf message of exactly this length: `{ price: 100, goods: 'xxx…' }`, the one rocket_loadgen sends. At least 20 bytes. */
export function orderBody(bytes: number): Buffer {
  if (bytes < 20) throw new RangeError('orderBody: at least 20 bytes');
  for (let width = 1; width <= 5; width++) {
    const goodsBytes = bytes - priceBytes.length - 1 - width;
    if (goodsBytes >= 2 ** (7 * width)) continue;
    const length = Array.from({ length: width }, (_, i) => {
      const more = i + 1 < width ? 0x80 : 0;
      return ((goodsBytes >>> (7 * i)) & 0x7f) | more;
    });
    return Buffer.concat([Buffer.from([...priceBytes, goodsTag, ...length]), Buffer.alloc(goodsBytes, 'x')]);
  }
  throw new RangeError(`orderBody: ${bytes} bytes are too many`);
}

/** What gRPC sends for a message: not compressed, its length, its bytes. */
export function grpcMessage(body: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}
