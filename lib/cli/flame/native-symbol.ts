/** Suffixes that compilers append to the names of functions that they split, clone or generate for a coroutine. */
const cloneSuffix = /(?:\.(?:actor|destroy|Frame|cold|part|isra|constprop|lto_priv|llvm|\d+))+$/;

/**
 * A demangled name without irrelevant parts: `asio::detail::foo<asio::bar<int> >::baz(int)` becomes
 * `asio::detail::foo<>::baz`. The names of operators, lambdas and anonymous namespaces stay whole.
 */
export function shortNativeName(symbol: string): string {
  const name = symbol
    .replace(/ \[clone [^\]]*\]/g, '')
    .replace(/@@?[A-Z]+_[\d.]+$/, '')
    .replace(cloneSuffix, '');
  const thread = /^std::thread::_State_impl<.*?std::tuple<(?:void \()?([\w:]+)/s.exec(name);
  if (thread !== null) return `std::thread(${thread[1]})`;
  return withoutBrackets(name);
}

/** Empties template arguments and drops parameter lists. */
function withoutBrackets(name: string): string {
  let short = '';
  let depth = 0;
  for (let at = 0; at < name.length; at++) {
    const whole = depth === 0 ? wholeToken(name, at) : undefined;
    if (whole !== undefined) {
      short += whole.shown;
      at += whole.length - 1;
      continue;
    }
    const character = name[at]!;
    if (character === '>' || character === ')') depth = Math.max(0, depth - 1);
    if (depth === 0 && character !== '(' && character !== ')') short += character;
    if (character === '<' || character === '(') depth++;
  }
  return short
    .replace(/(\w)<>$/, '$1')
    .replace(/ const$/, '')
    .trim();
}

const operator = /operator(?:<=>|<<=?|>>=?|<=?|>=?|->\*?|\(\))/y;
const anonymous = /\(anonymous namespace\)/y;
const lambda = /\{lambda\(.*?\)(#\d+\})/sy;

/** What begins here and has brackets that are part of the name. */
function wholeToken(name: string, at: number): { shown: string; length: number } | undefined {
  for (const token of [operator, anonymous, lambda]) {
    token.lastIndex = at;
    const found = token.exec(name);
    if (found === null) continue;
    const number = found[1];
    return { shown: number === undefined ? found[0] : `{lambda()${number}`, length: found[0].length };
  }
  return undefined;
}
