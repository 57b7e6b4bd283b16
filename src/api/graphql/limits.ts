// In charge of the limits of GraphQL, each named and documented in docs/graphql.md.

export const GRAPHQL_LIMITS = {
  /** length of a document, checked before it is parsed */
  documentChars: 40_000,
  documentTokens: 2000,
  /** levels of selection sets */
  depth: 12,
  /** for an introspection, which nests deeper because types are wrapped */
  introspectionDepth: 24,
  /** `__schema` and `__type` in one operation */
  introspections: 3,
  /** fields answered under another name */
  aliases: 60,
  directives: 60,
  /** fields after all fragments are spread */
  fields: 1000,
  /** see measure-document.ts */
  cost: 40_000,
  /** documents that are kept parsed, validated and compiled */
  documents: 128,
  socketsOfKey: 100,
  /** for all tokens of one customer, and for one stream token */
  socketsOfToken: 10,
  /** sockets of one address that have not shown a key yet */
  waitingOfAddress: 100,
  operationsOfSocket: 20,
  /** segments that one subscription may name */
  segmentsOfSubscription: 100,
  messageBytes: 128 * 1024,
  /** how much a socket may leave unread before it is closed */
  unreadBytes: 1024 * 1024,
  initMs: 5000,
  pingMs: 15_000,
} as const;

/** The cost of asking the database once, counted in objects of an answer. */
export const READ_COST = 50;
/** The cost of a write, a preview or an impact. */
export const HEAVY_COST = 1000;
/** The assumed length of a list without `first`. */
export const LIST_SIZE = 10;
export const USUAL_FIRST = 50;
export const MAX_FIRST = 1000;
