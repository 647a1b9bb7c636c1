/** The load of a soak: each activity again and again until it is over. */
import { setTimeout as after } from 'node:timers/promises';
import {
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  credentials,
  loadPackageDefinition,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { Channel, createClient, RpcError } from '../../lib/index.ts';
import {
  callBlock,
  errorCode,
  flag,
  frameType,
  h2Frame,
  number32,
  preface,
  RawH2,
  settingsFrame,
} from '../support/raw-h2.ts';
import { type Answer, type Ask, Soak, soakProto } from './service.ts';

type Done = (error: ServiceError | null, answer?: Answer) => void;
interface SoakClient extends Client {
  one(ask: Ask, options: { deadline: number }, done: Done): ClientUnaryCall;
  replies(ask: Ask): ClientReadableStream<Answer>;
  requests(done: Done): ClientWritableStream<Ask>;
  both(): ClientDuplexStream<Ask, Answer>;
}
type SoakClientClass = new (
  address: string,
  secret: ReturnType<typeof credentials.createInsecure>,
) => SoakClient;

const grpc = loadPackageDefinition(loadSync(soakProto)) as unknown as { soak: { Soak: SoakClientClass } };
const longMs = 60_000;

/** How calls ended: `one OK`, `replies CANCELLED`. */
export type Outcomes = Map<string, number>;

export class Mix {
  readonly outcomes: Outcomes = new Map();
  /** What should not have happened; the first hundred. */
  readonly wrong: string[] = [];
  readonly #address: string;
  readonly #port: number;
  readonly #isOver: () => boolean;
  readonly #client: SoakClient;
  readonly #channel: Channel;

  constructor(port: number, isOver: () => boolean) {
    this.#port = port;
    this.#address = `127.0.0.1:${port}`;
    this.#isOver = isOver;
    this.#client = new grpc.soak.Soak(this.#address, credentials.createInsecure());
    this.#channel = new Channel(this.#address);
  }

  /** Only plain calls, for the control. */
  async runPlain(): Promise<void> {
    await this.#run([() => this.#one(), () => this.#tinypb()]);
  }

  async run(): Promise<void> {
    await this.#run([
      () => this.#one(),
      () => this.#one(),
      () => this.#tinypb(),
      () => this.#tinypb(),
      () => this.#tinypbDeadline(),
      () => this.#replies(50, 1000),
      () => this.#cancelledReplies(),
      () => this.#slowReader(),
      () => this.#requests(),
      () => this.#pingPong(),
      () => this.#cancelled(),
      () => this.#deadline(),
      () => this.#churn(),
      () => this.#resets(),
      () => this.#vanishes(),
    ]);
  }

  async #run(activities: readonly (() => Promise<void>)[]): Promise<void> {
    const again = async (activity: () => Promise<void>) => {
      while (!this.#isOver()) {
        await activity();
        // A soak is long and not hard: others want the machine, too.
        await after(2);
      }
    };
    await Promise.all(activities.map(again));
    this.#client.close();
    await this.#channel.close({ drainMs: 0 });
  }

  #count(what: string, got: number | undefined, expected: readonly number[]): void {
    const name = status[got ?? status.OK];
    const key = `${what} ${name}`;
    this.outcomes.set(key, (this.outcomes.get(key) ?? 0) + 1);
    if (!expected.includes(got ?? status.OK)) this.#complain(`${what} ended ${name}`);
  }

  #complain(what: string): void {
    if (this.wrong.length < 100) this.wrong.push(what);
  }

  async #unary(
    what: string,
    ask: Ask,
    { deadlineMs = longMs, client = this.#client, expected = [status.OK], cancel = false } = {},
  ): Promise<void> {
    await new Promise<void>((resolve) => {
      const call = client.one(ask, { deadline: Date.now() + deadlineMs }, (error, answer) => {
        const detail = error === null ? undefined : error.code;
        this.#count(what, detail, expected);
        if (error === null && answer?.body?.length !== ask.size)
          this.#complain(`${what}: ${answer?.body?.length} bytes in place of ${ask.size}`);
        resolve();
      });
      if (cancel) setImmediate(() => call.cancel());
    });
  }

  #one(): Promise<void> {
    return this.#unary('one', { size: 1 + Math.floor(Math.random() * 20_000), body: Buffer.alloc(100) });
  }

  #deadline(): Promise<void> {
    return this.#unary(
      'deadline',
      { size: 1, waitMs: 500 },
      { deadlineMs: 20, expected: [status.DEADLINE_EXCEEDED] },
    );
  }

  #cancelled(): Promise<void> {
    return this.#unary('cancelled', { size: 1, waitMs: 500 }, { cancel: true, expected: [status.CANCELLED] });
  }

  async #churn(): Promise<void> {
    const client = new grpc.soak.Soak(this.#address, credentials.createInsecure());
    await this.#unary('churn', { size: 10 }, { client });
    client.close();
  }

  async #tinypb(): Promise<void> {
    try {
      const size = 1 + Math.floor(Math.random() * 20_000);
      const { body } = await createClient(Soak, this.#channel).one({ size }, { timeoutMs: longMs });
      this.#count('tinypb', undefined, [status.OK]);
      if (body?.length !== size) this.#complain(`tinypb: ${body?.length} bytes in place of ${size}`);
    } catch (error) {
      this.#complain(`tinypb: ${error}`);
    }
  }

  async #tinypbDeadline(): Promise<void> {
    try {
      await createClient(Soak, this.#channel).one({ waitMs: 500 }, { timeoutMs: 20 });
      this.#complain('tinypb: answered behind its deadline');
    } catch (error) {
      const code = error instanceof RpcError ? error.code : String(error);
      if (code !== 'DEADLINE_EXCEEDED') this.#complain(`tinypb: ${code}`);
      this.#count('tinypb', status.DEADLINE_EXCEEDED, [status.DEADLINE_EXCEEDED]);
    }
  }

  /** A stream of replies; `onReply` may end it early. */
  async #replies(
    replies: number,
    size: number,
    {
      what = 'replies',
      expected = [status.OK],
      onReply = (_call: ClientReadableStream<Answer>, _n: number) => {},
    } = {},
  ): Promise<void> {
    const call = this.#client.replies({ replies, size });
    let got = 0;
    await new Promise<void>((resolve) => {
      call.on('data', () => onReply(call, ++got));
      call.on('error', (error: ServiceError) => {
        this.#count(what, error.code, expected);
        resolve();
      });
      call.on('end', () => {
        if (got === replies) this.#count(what, status.OK, expected);
        if (got === replies) resolve();
      });
    });
  }

  #cancelledReplies(): Promise<void> {
    return this.#replies(10_000, 1000, {
      what: 'cancelled replies',
      expected: [status.CANCELLED],
      onReply: (call, n) => {
        if (n === 20) call.cancel();
      },
    });
  }

  #slowReader(): Promise<void> {
    return this.#replies(60, 10_000, {
      what: 'slow reader',
      onReply: (call, n) => {
        if (n % 10 !== 0) return;
        call.pause();
        setTimeout(() => call.resume(), 50);
      },
    });
  }

  async #requests(): Promise<void> {
    await new Promise<void>((resolve) => {
      const call = this.#client.requests((error, answer) => {
        this.#count('requests', error?.code, [status.OK]);
        if (error === null && answer?.taken !== 50) this.#complain(`requests: ${answer?.taken} were taken`);
        resolve();
      });
      for (let i = 0; i < 50; i++) call.write({ body: Buffer.alloc(1000) });
      call.end();
    });
  }

  async #pingPong(): Promise<void> {
    const call = this.#client.both();
    let got = 0;
    await new Promise<void>((resolve) => {
      call.on('data', () => {
        if (++got < 20) call.write({ size: 100 });
        else call.end();
      });
      call.on('error', (error: ServiceError) => {
        this.#count('both', error.code, [status.OK]);
        resolve();
      });
      call.on('end', () => {
        if (got === 20) this.#count('both', status.OK, [status.OK]);
        resolve();
      });
      call.write({ size: 100 });
    });
  }

  async #hostile(frames: readonly Buffer[]): Promise<RawH2> {
    const raw = await RawH2.open(this.#port);
    await raw.write(Buffer.concat([preface, settingsFrame(), ...frames]));
    return raw;
  }

  /** Calls that are reset when they have begun, some of them in the middle of a message. */
  async #resets(): Promise<void> {
    const frames = ['one', 'requests', 'both', 'replies'].flatMap((method, i) => [
      h2Frame(frameType.headers, flag.endHeaders, 2 * i + 1, callBlock(`/soak.Soak/${method}`)),
      h2Frame(frameType.data, 0, 2 * i + 1, Buffer.from([0, 0, 0, 0, 9, 8])),
      h2Frame(frameType.rstStream, 0, 2 * i + 1, number32(8)),
    ]);
    const ping = h2Frame(frameType.ping, 0, 0, Buffer.alloc(8));
    const raw = await this.#hostile([...frames, ping]);
    await raw.write(
      h2Frame(frameType.goaway, 0, 0, Buffer.concat([number32(0), number32(errorCode.noError)])),
    );
    raw.destroy();
  }

  /** A client that is gone in the middle of its calls. */
  async #vanishes(): Promise<void> {
    const frames = ['one', 'both'].flatMap((method, i) => [
      h2Frame(frameType.headers, flag.endHeaders, 2 * i + 1, callBlock(`/soak.Soak/${method}`)),
      h2Frame(frameType.data, 0, 2 * i + 1, Buffer.from([0, 0, 0, 0, 2, 24, 100])),
    ]);
    const raw = await this.#hostile(frames);
    await after(Math.random() * 20);
    raw.destroy();
  }
}
