import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { withDeadline } from '../support/waits.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const program = (name: string): string => `${root}build/release/examples/${name}`;

// Compiles the core when nothing has done so before.
beforeAll(() => run('npm', ['run', '--silent', 'build:examples'], { cwd: root }), 600_000);

class EchoServer {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterableIterator<string>;
  #errors = '';

  constructor() {
    const child = spawn(program('rocket_echo_server'), ['127.0.0.1:0', '2']);
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
    this.#process = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
  }

  async line(): Promise<string> {
    const next = await withDeadline(this.#lines.next(), { deadlineMs: 10_000, what: 'a line of the server' });
    return next.done === true ? `(no more lines) ${this.#errors}` : next.value;
  }

  async port(): Promise<number> {
    return Number(/^listening 127\.0\.0\.1:(\d+)$/.exec(await this.line())?.[1]);
  }

  /** Ends it by `signal`; its last line. */
  async end(signal: NodeJS.Signals): Promise<string> {
    const closed = once(this.#process, 'close');
    this.#process.kill(signal);
    const last = await this.line();
    const [code, by] = (await withDeadline(closed, { deadlineMs: 10_000, what: 'the server to end' })) as [
      number | null,
      NodeJS.Signals | null,
    ];
    expect({ code, by, errors: this.#errors }).toEqual({ code: 0, by: null, errors: '' });
    return last;
  }
}

function load(port: number, connections: number, echoes: number, bytes: number) {
  const args = [`127.0.0.1:${port}`, `${connections}`, `${echoes}`, `${bytes}`];
  return run(program('rocket_echo_load'), args, { timeout: 60_000 });
}

describe('examples/cpp-echo-server', () => {
  it('returns every byte of 100 connections as it was, and has counted them', async () => {
    const server = new EchoServer();
    const port = await server.port();
    const { stdout, stderr } = await load(port, 100, 200, 1000);
    expect(stderr).toBe('');
    expect(stdout).toMatch(
      /^all connected\n20000 of 20000 echoes equal, 100 connections, [1-9]\d* echoes\/s\n$/,
    );
    expect(await server.end('SIGTERM')).toBe('echoed 20000000 bytes over 100 connections');
  });

  it('returns a long stream to a peer that has ended its side', async () => {
    const server = new EchoServer();
    const port = await server.port();
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const sent = randomBytes(3 << 20);
    socket.end(sent);
    const got = await withDeadline(buffer(socket), { deadlineMs: 10_000, what: 'the echo' });
    expect(got.equals(sent)).toBe(true);
    expect(await server.end('SIGINT')).toBe(`echoed ${sent.length} bytes over 1 connections`);
  });

  it('ends cleanly under load, and its callers see the end', async () => {
    const server = new EchoServer();
    const port = await server.port();
    const loaded = load(port, 50, 1_000_000, 1000);
    const cutShort = expect(loaded).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^rocket_echo_load: (read|write): /),
    });
    const [said] = (await once(loaded.child.stdout!, 'data')) as [string];
    expect(said).toBe('all connected\n');
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => undefined);
    socket.write('x');
    await once(socket, 'data');
    const closed = once(socket, 'close');
    expect(await server.end('SIGTERM')).toMatch(/^echoed [1-9]\d* bytes over 51 connections$/);
    await withDeadline(closed, { deadlineMs: 10_000, what: 'the connection to end' });
    await cutShort;
  });

  it('reports what is wrong with its arguments, or with the address', async () => {
    await expect(run(program('rocket_echo_server'), ['localhost'])).rejects.toMatchObject({ code: 2 });
    await expect(load(1, 1, 1, 1 << 20)).rejects.toMatchObject({ code: 2 });
    await expect(load(1, 1, 1, 1)).rejects.toMatchObject({
      code: 1,
      stderr: 'rocket_echo_load: connect to 127.0.0.1:1: Connection refused\n',
    });
  });
});
