// In charge of what Postgres makes of a statement: the tree that its planner, and with it Citus' planner, is given. It comes from a real server,
// which prints it with debug_print_rewritten. Not of what it may contain (citus-planner.ts).
import pg from 'pg';

export interface Tree {
  readonly type: string;
  readonly fields: Readonly<Record<string, Field>>;
}
export type Field = null | string | Tree | readonly Field[];

export function isTree(field: Field | undefined): field is Tree {
  return field !== null && field !== undefined && typeof field === 'object' && 'type' in field;
}

/** The trees in a field; none where it is empty. */
export function treesIn(field: Field | undefined): readonly Tree[] {
  if (isTree(field)) return [field];
  return Array.isArray(field) ? field.flatMap(treesIn) : [];
}

/** All nodes, the given one first; `into` says whether to look into one. */
export function* walk(field: Field | undefined, into: (tree: Tree) => boolean = () => true): Generator<Tree> {
  for (const tree of treesIn(field)) {
    yield tree;
    if (!into(tree)) continue;
    for (const inner of Object.values(tree.fields)) yield* walk(inner, into);
  }
}

/** `{TYPE :field value :field (list) …}`, lists of it, `<>` for nothing. */
export function readTree(text: string): Field {
  const tokens = text.match(/"(?:\\.|[^"\\])*"|[(){}]|(?:\\.|[^\s(){}])+/g) ?? [];
  let at = 0;
  const readOne = (): Field => {
    const token = tokens[at] ?? '';
    at += 1;
    if (token === '(') {
      const list: Field[] = [];
      while (tokens[at] !== ')') list.push(readOne());
      at += 1;
      return list;
    }
    if (token !== '{') return token === '<>' ? null : token;
    const type = tokens[at] ?? '';
    at += 1;
    const fields: Record<string, Field> = {};
    while (tokens[at] !== '}') {
      const name = (tokens[at] ?? '').slice(1);
      at += 1;
      const values: Field[] = [];
      while (!(tokens[at] ?? '').startsWith(':') && tokens[at] !== '}') values.push(readOne());
      fields[name] = values.length === 1 ? (values[0] ?? null) : values;
    }
    at += 1;
    return { type, fields };
  };
  return readOne();
}

/** What the database knows of functions and types: how often the same arguments give the same. */
export interface Volatilities {
  readonly byFunction: ReadonlyMap<string, string>;
  readonly byInput: ReadonlyMap<string, string>;
  readonly byOutput: ReadonlyMap<string, string>;
  readonly equals: ReadonlySet<string>;
  readonly nameOf: ReadonlyMap<string, string>;
}

export class TreeReader {
  readonly #client: pg.Client;
  #printed: string[] = [];
  #volatilities: Promise<Volatilities> | undefined;

  private constructor(client: pg.Client) {
    this.#client = client;
    client.on('notice', ({ message, detail }) => {
      if (message?.startsWith('rewritten parse tree') && detail !== undefined) this.#printed.push(detail);
    });
  }

  static async open(url: string): Promise<TreeReader> {
    const client = new pg.Client({ connectionString: url, options: '-c debug_pretty_print=off -c client_min_messages=log' });
    client.on('error', () => {});
    await client.connect();
    return new TreeReader(client);
  }

  close(): Promise<void> {
    return this.#client.end();
  }

  /** Of a select, insert, update, delete or merge; null of anything else. */
  async read(text: string): Promise<Tree | null> {
    if (!/^\s*(?:--[^\n]*\n\s*)*(?:with|select|insert|update|delete|merge|values|\()/i.test(text)) return null;
    this.#printed = [];
    await this.#client.query('set debug_print_rewritten = on');
    await this.#client.query(`prepare read_tree as ${text}`);
    await this.#client.query('deallocate read_tree; set debug_print_rewritten = off');
    const trees = this.#printed.flatMap((printed) => treesIn(readTree(printed)));
    return trees.find((tree) => tree.type === 'QUERY' && tree.fields['commandType'] !== '6') ?? null;
  }

  /** Asked once. */
  readVolatilities(): Promise<Volatilities> {
    this.#volatilities ??= this.#readVolatilities();
    return this.#volatilities;
  }

  async #readVolatilities(): Promise<Volatilities> {
    const pairs = async (text: string) => (await this.#client.query<[string, string]>({ text, rowMode: 'array' })).rows;
    return {
      byFunction: new Map(await pairs('select p.oid::text, p.provolatile::text from pg_proc as p')),
      byInput: new Map(await pairs('select t.oid::text, p.provolatile::text from pg_type as t join pg_proc as p on p.oid = t.typinput')),
      byOutput: new Map(await pairs('select t.oid::text, p.provolatile::text from pg_type as t join pg_proc as p on p.oid = t.typoutput')),
      equals: new Set((await pairs(`select o.oid::text, '' from pg_operator as o where o.oprname = '='`)).map(([oid]) => oid)),
      nameOf: new Map(await pairs(`select c.oid::text, c.relname::text from pg_class as c where c.relkind in ('r', 'p')`)),
    };
  }
}
