/** Names that a .proto may give, and that mean something in JavaScript, TypeScript or the code of protobufjs. */

const words =
  'abstract accessor any arguments as asserts assert async await bigint boolean break case catch class const constructor continue ' +
  'debugger declare default defer delete do else enum eval export extends false finally for from function get global globalThis if ' +
  'implements import in infer instanceof interface intrinsic is keyof let module namespace never new null number object of out ' +
  'override package private protected public readonly require return satisfies set static string super switch symbol this throw ' +
  'true try type typeof undefined unique unknown using var void while with yield exports Infinity NaN __dirname __filename __esModule';

/** Of the static code of protobufjs and of its reflection; single letters are its variables. */
const protobufjs =
  'encode encodeDelimited decode decodeDelimited verify fromObject toObject create getTypeUrl toJSON protobuf root Reader Writer util ' +
  'types values valuesById roots nested fields oneofs methods lookup resolve message reader writer long Long buffer low high ' +
  'r w m o l c e k t q d n p s u v z g f i ks c2 k2 t2 C A enums code strings flat repeated key linkTypes staticService';

/** Of what rocket-rpc generates, and of what JavaScript calls without being asked. */
const ours =
  'Oneof OneofInit CallContext CallOptions MethodDefinition ServiceDefinition inspect close call name length prototype caller';

const pairs =
  'foo_bar FOO fooBAR foo_ _foo __foo FooInit Foo Foo_ FooClient Client Handlers Init await_ encode_';

const prototypes = [Object, Function, Array, Promise]
  .flatMap((type) => Object.getOwnPropertyNames(type.prototype))
  .concat(Object.getOwnPropertyNames(Function))
  .concat(Object.getOwnPropertyNames(globalThis).filter((name) => /^[A-Z][a-z]+[A-Z]?/.test(name)));

export const hostileNames: readonly string[] = [
  ...new Set([...[words, protobufjs, ours, pairs].join(' ').split(' '), ...prototypes]),
]
  .filter((name) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && name !== '__proto__')
  .sort();

/** All properties of every object. */
export const objectNames: readonly string[] = Object.getOwnPropertyNames(Object.prototype).filter(
  (name) => name !== '__proto__',
);

/** Those that may not be variables or types, or are something in the code of protobufjs; each in one case alone. */
export const sharpNames: readonly string[] = [
  ...new Map(
    [...`${words} ${protobufjs}`.split(' '), ...objectNames].map((name) => [name.toLowerCase(), name]),
  ).values(),
];
