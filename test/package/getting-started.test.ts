import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, inject, it, onTestFinished } from 'vitest';
import { blocksOf } from '../support/docs/blocks.ts';
import { outcomeOf } from './commands.ts';
import { printed } from './uses.ts';

const document = 'docs/getting-started.md';

/** Everything the document tells to do, in its order: its files are written where they stand, its commands run. */
function scriptOf(port: number): string {
  const parts = blocksOf(document).flatMap(({ directive, language, code }) => {
    if (directive.kind === 'file')
      return [
        `mkdir -p "$(dirname ${directive.path})"; cat > ${directive.path} <<'END_OF_FILE'\n${code}END_OF_FILE`,
      ];
    return language === 'sh' ? [code] : [];
  });
  // The package is not on a registry, and a port of our own disturbs nobody.
  return [...parts, 'wait']
    .join('\n')
    .replaceAll('npm install rocket-rpc', `npm install ${inject('tarball')}`)
    .replaceAll('127.0.0.1:50051', `127.0.0.1:${port}`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** npm hands its own settings to what it runs, and vitest its own. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const leftOut = /^(npm_(?!config_registry|config_cache)|VITEST|NODE_(ENV|OPTIONS|PATH)$)/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !leftOut.test(name)));
}

function emptyFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'rocket-getting-started-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

it('getting-started.md, word for word in an empty folder, with the newest TypeScript', async () => {
  const port = await freePort();
  const options = { cwd: emptyFolder(), env: cleanEnvironment() };
  // The server in the background keeps the pipes open: that this ends shows that it has been stopped.
  const output = printed(await outcomeOf('bash', ['-e', '-c', scriptOf(port)], options));
  const said = [
    `listening on 127.0.0.1:${port}`,
    /^\S+-apple$/m,
    /^\{"orderId":"\S+-apple"\}$/m,
    /succeeded +[\d,]+ \(100 %\)/,
    /failed +0$/m,
    /^one apple$/m,
    /^secret apple$/m,
  ];
  let at = 0;
  for (const text of said) {
    const found = output.slice(at).search(typeof text === 'string' ? new RegExp(`^${text}$`, 'm') : text);
    expect(found, `${text} after\n${output.slice(0, at)}\nin\n${output}`).toBeGreaterThanOrEqual(0);
    at += found;
  }
  const { stdout } = await outcomeOf('npx', ['tsc', '--version'], options);
  expect(Number(/^Version (\d+)/.exec(stdout)?.[1])).toBeGreaterThanOrEqual(7);
  // Without a tsconfig.json, as somebody tries it who has none.
  const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--ignoreConfig'];
  printed(
    await outcomeOf('npx', ['tsc', ...flags, 'server.ts', 'client.ts', 'both.ts', 'secure.ts'], options),
  );
  // And compiled, the server of the document runs without tsx.
  printed(await outcomeOf('npx', ['tsc'], options));
  printed(await outcomeOf('node', ['dist/both.js'], options));
});

it.each(['5.7', '5.9', '6.0', '7.0'])(
  'the types of every entry are accepted by TypeScript %s',
  async (version) => {
    const options = { cwd: emptyFolder(), env: cleanEnvironment() };
    const files = blocksOf(document).flatMap(({ directive, code }) =>
      directive.kind === 'file' ? [[directive.path, code]] : [],
    );
    const entries =
      "export * from 'rocket-rpc';\nexport * as bench from 'rocket-rpc/bench';\nexport * as gen from 'rocket-rpc/gen';\n";
    for (const [name = '', code = ''] of [
      ...files,
      ['entries.ts', entries],
      ['package.json', '{"type":"module"}'],
    ])
      writeFileSync(path.join(options.cwd, name), code);
    const packages = [inject('tarball'), `typescript@${version}`, '@types/node@20'];
    printed(
      await outcomeOf(
        'npm',
        ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...packages],
        options,
      ),
    );
    printed(await outcomeOf('npx', ['tsc', '--noEmit', '--skipLibCheck', 'false'], options));
  },
);
