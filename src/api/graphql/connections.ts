// In charge of lists in the form of Relay: connections of edges, each with a cursor, made from the pages of REST. Forward only, as those lists
// are.
import { cursorAt } from '../rest/cursor.ts';
import type { ArgumentSpec, FieldSpec, FieldSpecs, SchemaMaker, TypeRef } from './builder.ts';
import type { FieldRule } from './field-rule.ts';
import { USUAL_FIRST } from './limits.ts';

export interface Edge {
  readonly cursor: string;
  readonly node: unknown;
}

export interface Connection {
  readonly edges: readonly Edge[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
}

export interface PageAnswer {
  readonly data: readonly unknown[];
  readonly next: string | null;
}

const WITH_PARENT: FieldRule = { scope: 'parent' };
const TEXT = { type: 'String', isList: false, isNullable: true } as const;
const YES_NO = { type: 'Boolean', isList: false, isNullable: false } as const;

export const CONNECTION_ARGUMENTS: Readonly<Record<string, ArgumentSpec>> = {
  first: {
    shape: { type: 'Int', isList: false, isNullable: true },
    description: 'How many at most: 1 to 1,000',
    defaultValue: USUAL_FIRST,
  },
  after: { shape: TEXT, description: 'A cursor: behind it' },
};

export class ConnectionTypes {
  readonly #maker: SchemaMaker;
  readonly #known = new Map<string, TypeRef>();
  #pageInfo: TypeRef | undefined;

  constructor(maker: SchemaMaker) {
    this.#maker = maker;
  }

  /** `more`: fields of the page other than its rows. */
  of(node: TypeRef, more: FieldSpecs = {}): TypeRef {
    const known = this.#known.get(node.name);
    if (known !== undefined) return known;
    const edge = this.edge(node);
    const connection = this.#maker.object(`${node.name}Connection`, () => ({
      edges: { shape: { type: edge, isList: true, isNullable: false }, rule: WITH_PARENT },
      pageInfo: { shape: { type: this.#pageInfoType(), isList: false, isNullable: false }, rule: WITH_PARENT },
      ...more,
    }));
    this.#known.set(node.name, connection);
    return connection;
  }

  edge(node: TypeRef): TypeRef {
    const name = `${node.name}Edge`;
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const edge = this.#maker.object(name, () => ({
      cursor: { shape: { type: 'String', isList: false, isNullable: false }, rule: WITH_PARENT, description: 'The place behind this one' },
      node: { shape: { type: node, isList: false, isNullable: false }, rule: WITH_PARENT },
    }));
    this.#known.set(name, edge);
    return edge;
  }

  #pageInfoType(): TypeRef {
    const fields: Readonly<Record<string, FieldSpec>> = {
      hasNextPage: { shape: YES_NO, rule: WITH_PARENT },
      hasPreviousPage: { shape: YES_NO, rule: WITH_PARENT, description: 'Whether `after` was given: lists are read forwards' },
      startCursor: { shape: TEXT, rule: WITH_PARENT },
      endCursor: { shape: TEXT, rule: WITH_PARENT, description: 'Pass it as `after` for what follows' },
    };
    this.#pageInfo ??= this.#maker.object('PageInfo', () => fields);
    return this.#pageInfo;
  }
}

export interface ConnectionOf {
  readonly after: unknown;
  /** for a list whose pages do not give the places of their rows */
  readonly cursorOf?: ((item: never, index: number) => string) | undefined;
  /** for a list whose pages always have a `next`: whether there is more now; absent: `next` says it */
  readonly hasNext?: boolean | undefined;
}

export function toConnection(page: PageAnswer, { after, cursorOf, hasNext }: ConnectionOf): Connection {
  const { data, next } = page;
  const cursorAtIndex = (index: number): string => {
    const cursor = cursorAt(data, index) ?? cursorOf?.(data[index] as never, index);
    if (cursor === undefined) throw new Error('a list does not tell the places behind its rows');
    return cursor;
  };
  const edges = data.map((node, index) => new PageEdge(node, index, cursorAtIndex));
  const pageInfo = {
    hasNextPage: hasNext ?? next !== null,
    hasPreviousPage: typeof after === 'string',
    get startCursor() {
      return edges[0]?.cursor ?? null;
    },
    get endCursor() {
      return next ?? edges.at(-1)?.cursor ?? null;
    },
  };
  return { ...page, edges, pageInfo } as Connection;
}

/** Makes its cursor only when it is asked for: most queries ask for the last one only. */
class PageEdge implements Edge {
  readonly node: unknown;
  readonly #index: number;
  readonly #cursorOf: (index: number) => string;

  constructor(node: unknown, index: number, cursorOf: (index: number) => string) {
    this.node = node;
    this.#index = index;
    this.#cursorOf = cursorOf;
  }

  get cursor(): string {
    return this.#cursorOf(this.#index);
  }
}
