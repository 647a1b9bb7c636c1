import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { grpcMessage } from '../lib/grpc-message.ts';
import { BenchServer } from '../lib/servers.ts';

/** makeOrderResponse { order_id: "20230514" }. */
const reply = Buffer.concat([Buffer.of(0x1a, 8), Buffer.from('20230514')]);
/** Where the same reply lies under a name with an extension, which is what the content type is chosen by. */
export const typedReplyPath = '/reply.grpc';

/**
 * The fastest HTTP/2 server Debian has that can be brought to answer in gRPC: nghttpd serves the reply as a file and
 * adds the trailer. Clients measured against it wait for no other JavaScript.
 */
export class Nghttpd {
  readonly server: BenchServer;
  readonly #folder: string;

  private constructor(server: BenchServer, folder: string) {
    this.server = server;
    this.#folder = folder;
  }

  static isInstalled(): boolean {
    try {
      execFileSync('nghttpd', ['--version'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  }

  static async start(cpu: number | undefined): Promise<Nghttpd> {
    const folder = mkdtempSync(join(tmpdir(), 'rocket-nghttpd-'));
    const mimeTypes = join(folder, 'mime.types');
    mkdirSync(join(folder, 'root/Order'), { recursive: true });
    writeFileSync(mimeTypes, 'application/grpc grpc\n');
    for (const path of ['/Order/makeOrder', typedReplyPath]) {
      writeFileSync(join(folder, 'root', path), grpcMessage(reply));
    }
    const port = await freePort();
    const command = [
      ...['nghttpd', '--no-tls', '-a', '127.0.0.1', '-n', '1', '-w', '24', '-W', '24'],
      ...['-d', join(folder, 'root'), '--mime-types-file', mimeTypes, '--trailer', 'grpc-status: 0'],
      String(port),
    ];
    return new Nghttpd(await BenchServer.launch(command, { cpu, port }), folder);
  }

  async stop(): Promise<void> {
    await this.server.stop();
    rmSync(this.#folder, { recursive: true });
  }
}

async function freePort(): Promise<number> {
  const probe = net.createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
