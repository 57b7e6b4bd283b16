// In charge of the limits of GraphQL, each named and documented in docs/graphql.md.

export const GRAPHQL_LIMITS = {
  /** of a document, before it is parsed */
  documentChars: 40_000,
  documentTokens: 2000,
  /** levels of selection sets */
  depth: 12,
  /** of an introspection, which nests by the wrapping of types */
  introspectionDepth: 24,
  /** `__schema` and `__type` of one operation */
  introspections: 3,
  /** fields that are answered under another name */
  aliases: 60,
  directives: 60,
  /** fields after all fragments are spread */
  fields: 1000,
  /** see measure-document.ts */
  cost: 40_000,
  /** documents that are kept parsed, validated and compiled */
  documents: 128,
  socketsOfKey: 100,
  /** of all tokens of one customer, and of one stream token */
  socketsOfToken: 10,
  /** sockets of one address that have not shown a key yet */
  waitingOfAddress: 100,
  operationsOfSocket: 20,
  /** segments that one subscription may name */
  segmentsOfSubscription: 100,
  messageBytes: 128 * 1024,
  /** that a socket may leave unread before it is closed */
  unreadBytes: 1024 * 1024,
  initMs: 5000,
  pingMs: 15_000,
} as const;

/** What asking the database once costs, in objects of an answer. */
export const READ_COST = 50;
/** What a write, a preview or an impact costs. */
export const HEAVY_COST = 1000;
/** What a list is taken for that has no `first`. */
export const LIST_SIZE = 10;
export const USUAL_FIRST = 50;
export const MAX_FIRST = 1000;
