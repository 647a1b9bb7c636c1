import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { makeCertificates } from '../support/certificates.ts';
import { builtPackage } from '../support/child.ts';
import { blocksOf, root } from '../support/docs/blocks.ts';
import { freePorts } from '../support/free-ports.ts';
import { Spawned } from '../support/spawned.ts';
import { tsProtoFiles } from '../support/ts-proto.ts';
import { until } from '../support/waits.ts';

const run = promisify(execFile);
const document = 'docs/migrating-from-grpc-js.md';
const folder = path.join(root, 'build/docs/migrating');
const env = { TSX_TSCONFIG_PATH: path.join(folder, 'tsconfig.json') };
const tsx = ['--import', 'tsx'];

/** The files that the document has its reader make, also those that need generated code. */
function files(): (readonly [name: string, code: string])[] {
  return blocksOf(document).flatMap(({ directive, code }) => {
    if (directive.kind === 'file') return [[directive.path, code] as const];
    const named = directive.kind === 'skip' ? /^file=(\S+)/.exec(directive.reason)?.[1] : undefined;
    return named === undefined ? [] : [[named, code] as const];
  });
}

function write(name: string, code: string): void {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, code);
}

beforeAll(async () => {
  await builtPackage();
  rmSync(folder, { recursive: true, force: true });
  for (const [name, code] of files()) write(name, code);
  const nest = { extends: '../../../examples/nestjs/tsconfig.json', include: ['.'], exclude: [] };
  write('tsconfig.json', JSON.stringify(nest));
  const guide = path.join(root, 'examples/route-guide');
  copyFileSync(path.join(guide, 'route_guide.proto'), path.join(folder, 'route_guide.proto'));
  const parameter = 'outputServices=nice-grpc,outputServices=generic-definitions,importSuffix=.ts';
  for (const { name, content } of tsProtoFiles('route_guide.proto', guide, parameter))
    write(`generated/${name}`, content);
}, 120_000);

/** A server of the document, until the test ends; resolves when it answers. */
async function serve(program: string, ...args: string[]): Promise<{ address: string; server: Spawned }> {
  const [port] = await freePorts(1);
  const address = `localhost:${port}`;
  const command = [process.execPath, ...tsx, path.join(folder, program), ...args, `127.0.0.1:${port}`];
  const server = new Spawned(command, env, folder);
  onTestFinished(() => server.kill('SIGKILL'));
  await until(() => /listening|successfully started/.test(server.output), {
    deadlineMs: 30_000,
    what: () => `${program} to listen: ${server.output}${server.errors}`,
  });
  return { address, server };
}

async function call(program: string, ...args: string[]): Promise<string> {
  const command = [...tsx, path.join(folder, program), ...args];
  const { stdout, stderr } = await run(process.execPath, command, {
    cwd: folder,
    env: { ...process.env, ...env },
    timeout: 30_000,
  });
  expect(stderr).toBe('');
  return stdout;
}

const features = ['Patriots Path', 'New Jersey 10'];
const printedByGuide = blocksOf(document).find(({ directive }) => directive.kind === 'output')!.code;
const printedByNice = ['Patriots Path', 'nothing for ada', ...features, ''].join('\n');
const printedByNest = ['Patriots Path', '5: there is nothing', ...features, '2', ''].join('\n');

describe.each(['before', 'after'])('the server %s', (which) => {
  it('of the route guide is called by both clients, and closes', { timeout: 120_000 }, async () => {
    const { certFile, keyFile, caFile } = makeCertificates();
    for (const [from, to] of [
      [certFile, 'server.pem'],
      [keyFile, 'server.key'],
      [caFile, 'ca.pem'],
    ] as const)
      copyFileSync(from, path.join(folder, to));
    const { address, server } = await serve(`${which}/server.ts`);
    expect(await call('before/client.ts', address)).toBe(printedByGuide);
    expect(await call('after/client.ts', address)).toBe(printedByGuide);
    server.kill('SIGTERM');
    await until(() => server.output.includes('closed'), { deadlineMs: 10_000, what: () => server.output });
  });

  it('of nice-grpc is called by both clients', { timeout: 120_000 }, async () => {
    const { address } = await serve(`${which}/nice.ts`, 'serve');
    expect(await call('before/nice.ts', 'call', address)).toBe(printedByNice);
    expect(await call('after/nice.ts', 'call', address)).toBe(printedByNice);
  });

  it('of NestJS is called by both clients', { timeout: 120_000 }, async () => {
    const { address } = await serve(`nest/server.${which}.ts`);
    expect(await call('nest/client.before.ts', address)).toBe(printedByNest);
    expect(await call('nest/client.after.ts', address)).toBe(printedByNest);
  });
});
