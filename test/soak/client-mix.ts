import { setTimeout as after } from 'node:timers/promises';
import { Channel, createClient, loadProto, type RetryOptions, RpcError } from '../../lib/index.ts';
import { protosFolder, testProto } from '../interop/support/definitions.ts';
import type {
  SimpleRequest,
  SimpleResponse,
  StreamingInputCallRequest,
  StreamingInputCallResponse,
  StreamingOutputCallRequest,
  StreamingOutputCallResponse,
} from '../interop/test-messages.ts';

interface Options {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly retry?: RetryOptions;
}

/** What of grpc.testing.TestService is called. */
interface TestClient {
  unaryCall(request: SimpleRequest, options?: Options): Promise<SimpleResponse>;
  streamingOutputCall(
    request: StreamingOutputCallRequest,
    options?: Options,
  ): AsyncIterable<StreamingOutputCallResponse>;
  streamingInputCall(
    requests: AsyncIterable<StreamingInputCallRequest>,
    options?: Options,
  ): Promise<StreamingInputCallResponse>;
  fullDuplexCall(
    requests: AsyncIterable<StreamingOutputCallRequest>,
    options?: Options,
  ): AsyncIterable<StreamingOutputCallResponse>;
}

const repeated: RetryOptions = { maxAttempts: 10, idempotent: true, backoff: { minMs: 50 } };
/** Far longer than any fault. */
const longMs = 60_000;

/** Calls of all kinds by one channel, whose server and connections fail all the time. */
export class ClientMix {
  readonly outcomes = new Map<string, number>();
  readonly wrong: string[] = [];
  readonly channel: Channel;
  readonly #client: TestClient;
  readonly #isOver: () => boolean;

  constructor(port: number, isOver: () => boolean) {
    this.#isOver = isOver;
    this.channel = new Channel(`grpc://127.0.0.1:${port}`, {
      logger: false,
      connections: 2,
      ioThreads: 2,
      waitForReady: true,
      timeoutMs: longMs,
      streamTimeoutMs: longMs,
      connectTimeoutMs: 500,
      backoff: { minMs: 10, maxMs: 100 },
      keepaliveTimeMs: 500,
      keepaliveTimeoutMs: 500,
      // A call is repeated whenever the server is away, which is often.
      retryBudget: { ratio: 10, perSecond: 1000 },
      ejection: false,
    });
    const { TestService } = loadProto(testProto, { includeDirs: [protosFolder] });
    this.#client = createClient(TestService!, this.channel) as unknown as TestClient;
  }

  async run(): Promise<void> {
    // What the server may have begun is not repeated, and may be lost with it; what may be repeated is not lost.
    const lossy = ['OK', 'UNAVAILABLE'];
    const activities: readonly (() => Promise<void>)[] = [
      () => this.#call('one', lossy, () => this.#unary({})),
      () => this.#call('one', lossy, () => this.#unary({})),
      () => this.#call('repeated', ['OK'], () => this.#unary({ retry: repeated })),
      () => this.#call('repeated', ['OK'], () => this.#unary({ retry: repeated })),
      () => this.#call('replies', lossy, () => this.#replies(100, 1000)),
      () => this.#call('slow reader', lossy, () => this.#replies(20, 20_000, 5)),
      () => this.#call('requests', lossy, () => this.#requests()),
      () => this.#call('both', lossy, () => this.#both()),
      () => this.#call('cancelled', ['CANCELLED', 'UNAVAILABLE', 'OK'], () => this.#cancelled()),
      () => this.#call('left', lossy, () => this.#left()),
      () => this.#call('deadline', ['DEADLINE_EXCEEDED', 'UNAVAILABLE'], () => this.#deadline()),
    ];
    const again = async (activity: () => Promise<void>) => {
      while (!this.#isOver()) {
        await activity();
        // A soak is long and not hard: others want the machine, too.
        await after(2);
      }
    };
    await Promise.all(activities.map(again));
  }

  async #call(what: string, expected: readonly string[], make: () => Promise<void>): Promise<void> {
    let outcome = 'OK';
    let detail = '';
    try {
      await make();
    } catch (error) {
      outcome = error instanceof RpcError ? error.code : 'no RpcError';
      detail = String(error);
    }
    const key = `${what} ${outcome}`;
    this.outcomes.set(key, (this.outcomes.get(key) ?? 0) + 1);
    if (!expected.includes(outcome)) this.#complain(`${key}: ${detail}`);
  }

  #complain(what: string): void {
    if (this.wrong.length < 100) this.wrong.push(what);
  }

  #expect(what: string, got: number | undefined, wanted: number): void {
    if (got !== wanted) this.#complain(`${what}: ${String(got)} in place of ${wanted}`);
  }

  async #unary(options: Options): Promise<void> {
    const responseSize = 1 + Math.floor(Math.random() * 50_000);
    const { payload } = await this.#client.unaryCall(
      { responseSize, payload: { body: zeroes(100) } },
      options,
    );
    this.#expect('bytes of a reply', payload?.body?.length, responseSize);
  }

  async #replies(count: number, size: number, pauseMs = 0): Promise<void> {
    const responseParameters = Array.from({ length: count }, () => ({ size }));
    let come = 0;
    for await (const { payload } of this.#client.streamingOutputCall({ responseParameters })) {
      this.#expect('bytes of a streamed reply', payload?.body?.length, size);
      come++;
      if (pauseMs > 0) await after(pauseMs);
    }
    this.#expect('streamed replies', come, count);
  }

  async #requests(): Promise<void> {
    const reply = await this.#client.streamingInputCall(
      (async function* () {
        for (let i = 0; i < 100; i++) yield { payload: { body: zeroes(1000) } };
      })(),
    );
    this.#expect('bytes of streamed requests', reply.aggregatedPayloadSize, 100_000);
  }

  async #both(): Promise<void> {
    let answered = 0;
    let next: () => void = () => {};
    const requests = async function* (): AsyncGenerator<StreamingOutputCallRequest> {
      for (let i = 0; i < 20; i++) {
        const answer = new Promise<void>((resolve) => {
          next = resolve;
        });
        yield { responseParameters: [{ size: 100 }] };
        await answer;
      }
    };
    for await (const _ of this.#client.fullDuplexCall(requests())) {
      answered++;
      next();
    }
    this.#expect('answers', answered, 20);
  }

  async #cancelled(): Promise<void> {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), Math.random() * 5);
    await this.#client.unaryCall({ responseSize: 1000 }, { signal: abort.signal });
  }

  async #left(): Promise<void> {
    const responseParameters = Array.from({ length: 1000 }, () => ({ size: 1000 }));
    let come = 0;
    for await (const _ of this.#client.streamingOutputCall({ responseParameters })) if (++come === 10) break;
  }

  async #deadline(): Promise<void> {
    const request = { responseParameters: [{ size: 1, intervalUs: 5_000_000 }] };
    for await (const _ of this.#client.streamingOutputCall(request, { timeoutMs: 50 })) return;
  }
}

function zeroes(bytes: number): Uint8Array {
  return new Uint8Array(bytes);
}
