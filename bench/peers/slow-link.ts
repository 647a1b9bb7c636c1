/**
 * A link that takes its time: `--port P --delay MS` accepts connections, and brings what comes to 127.0.0.1:P and back,
 * each byte so late in each direction. It has no other limit: what is on the way is kept, whatever there is of it. Prints "listening PORT".
 */
import net, { type AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';

const option = { type: 'string' } as const;
const { values } = parseArgs({ options: { port: option, delay: option } });
const delayMs = Number(values.delay);

function carry(from: net.Socket, to: net.Socket): void {
  const late = (act: () => void): void => void setTimeout(act, delayMs);
  from.on('data', (chunk: Buffer) => late(() => to.write(chunk)));
  from.on('end', () => late(() => to.end()));
  from.on('error', () => late(() => to.destroy()));
}

const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
  const far = net.connect({
    port: Number(values.port),
    host: '127.0.0.1',
    noDelay: true,
    allowHalfOpen: true,
  });
  carry(near, far);
  carry(far, near);
});
server.listen(0, '127.0.0.1', () => console.log(`listening ${(server.address() as AddressInfo).port}`));
