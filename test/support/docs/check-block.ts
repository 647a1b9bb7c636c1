import protobuf from 'protobufjs';
import ts from 'typescript';
import { type Block, problemIn } from './blocks.ts';
import { checkShell } from './check-shell.ts';

/** C++ excerpts are the business of the examples they come from; the others have nothing to be held against. */
const unchecked = new Set(['', 'text', 'cpp', 'cmake', 'console', 'diff', 'dockerfile', 'ini', 'yaml']);

/** What is wrong with a block in any language but ts, whose blocks are compiled together. */
export function checkBlock(block: Block): string[] {
  const { language, code } = block;
  if (language === 'sh') return checkShell(block);
  if (language === 'proto') return thrownBy(block, () => protobuf.parse(code));
  if (language === 'json') return thrownBy(block, () => JSON.parse(code));
  if (language === 'js') return checkScript(block);
  if (unchecked.has(language)) return [];
  return [
    problemIn(
      block,
      `${language}: blocks are ts, js, sh, proto or json, or one of ${[...unchecked].join(' ')}`,
    ),
  ];
}

function thrownBy(block: Block, parse: () => unknown): string[] {
  try {
    parse();
    return [];
  } catch (error) {
    return [problemIn(block, String(error))];
  }
}

/** Its syntax. */
function checkScript(block: Block): string[] {
  const { diagnostics = [] } = ts.transpileModule(block.code, {
    fileName: 'block.js',
    reportDiagnostics: true,
  });
  return diagnostics.map(({ messageText }) =>
    problemIn(block, ts.flattenDiagnosticMessageText(messageText, ' ')),
  );
}
