// In charge of what Citus' planner would say about a statement: its rules (14.1), in the order in which it asks, over the tree that Postgres
// makes of the statement. What goes to one place passes as it is. Not of rules about texts (judge-statement.ts), nor of what a plan costs,
// except for whole tables that would be fetched.
import { DISTRIBUTED, REFERENCE } from './judge-statement.ts';
import { type Field, isTree, type Tree, treesIn, type Volatilities, walk } from './query-tree.ts';

const SELECT = '1';
const INSERT = '3';
const RELATION = '0';
const SUBQUERY = '1';
const JOIN = '2';
const CTE = '6';
const GROUP = '9';

/** A row source of a query that lies on many servers. */
interface Alive {
  readonly entry: Tree;
  readonly table: string;
}

/** Which places a value of a statement names; null: it is not known. */
export type PlacesOf = (table: string, parameter: number) => ReadonlySet<string> | null;

export function judgeTree(query: Tree, known: Volatilities, placesOf: PlacesOf = () => null): string[] {
  return new Planner(query, known, placesOf).judge();
}

class Planner {
  readonly #query: Tree;
  readonly #known: Volatilities;
  readonly #placesOf: PlacesOf;
  readonly #problems = new Set<string>();
  readonly #columns = new Columns();

  constructor(query: Tree, known: Volatilities, placesOf: PlacesOf) {
    this.#query = query;
    this.#known = known;
    this.#placesOf = placesOf;
  }

  judge(): string[] {
    if (!this.#touches(this.#query, 'distributed') && !this.#touches(this.#query, 'reference')) return [];
    if (this.#query.fields['commandType'] !== SELECT) this.#judgeChange(this.#query);
    if (this.#touches(this.#query, 'distributed') && !this.#isOfOnePlace()) this.#plan(this.#query, []);
    return [...this.#problems];
  }

  // -------------------------------------------------------------- tables

  #table(entry: Tree): string | null {
    return entry.fields['rtekind'] === RELATION ? (this.#known.nameOf.get(String(entry.fields['relid'])) ?? null) : null;
  }

  #kind(entry: Tree): 'distributed' | 'reference' | 'local' | null {
    const table = this.#table(entry);
    if (table === null) return null;
    if (table in DISTRIBUTED) return 'distributed';
    return REFERENCE.has(table) ? 'reference' : 'local';
  }

  #touches(field: Field | undefined, kind: 'distributed' | 'reference' | 'local'): boolean {
    return [...walk(field)].some((tree) => tree.type === 'RANGETBLENTRY' && this.#kind(tree) === kind);
  }

  // -------------------------------------------------------------- one place

  /** Each table is narrowed by itself, and all to the same place: then the statement goes there whole. */
  #isOfOnePlace(): boolean {
    if (this.#touches(this.#query, 'local')) return false;
    if (this.#query.fields['commandType'] === INSERT) return false;
    const places = new Set<string>();
    for (const query of walk(this.#query)) {
      if (query.type !== 'QUERY') continue;
      for (const [index, entry] of entriesOf(query).entries()) {
        const table = this.#table(entry);
        if (table === null || !(table in DISTRIBUTED)) continue;
        const pinned = this.#pinned(query, index + 1, table);
        if (pinned === null) return false;
        for (const place of pinned) places.add(place);
      }
    }
    return places.size <= 1;
  }

  /** Where the rows of one table lie, as far as its own conditions say; null: anywhere. */
  #pinned(query: Tree, index: number, table: string): ReadonlySet<string> | null {
    for (const condition of conjuncts(query)) {
      const isEquality = condition.type === 'OPEXPR' && this.#known.equals.has(String(condition.fields['opno']));
      const isAny = condition.type === 'SCALARARRAYOPEXPR' && condition.fields['useOr'] === 'true';
      if (!isEquality && !isAny) continue;
      const [one, other] = treesIn(condition.fields['args']).map(withoutCasts);
      if (one === undefined || other === undefined) continue;
      const [column, value] = one.type === 'VAR' ? [one, other] : [other, one];
      if (column.type !== 'VAR' || column.fields['varlevelsup'] !== '0' || column.fields['varno'] !== String(index)) continue;
      if (!this.#isKey(query, column, table)) continue;
      if (value.type === 'CONST') return new Set([`constant ${String(value.fields['constvalue'])}`]);
      if (value.type !== 'PARAM') continue;
      const parameter = Number(value.fields['paramid']);
      return this.#placesOf(table, parameter) ?? (isEquality ? new Set([`parameter ${parameter}`]) : null);
    }
    return null;
  }

  #isKey(query: Tree, column: Tree, table: string): boolean {
    const entry = entriesOf(query)[Number(column.fields['varno']) - 1];
    return entry !== undefined && nameOfColumn(entry, column) === DISTRIBUTED[table];
  }

  // -------------------------------------------------------------- many places

  /** A query that Citus plans for itself: what is inside and cannot go to the servers is planned, and fetched, before. */
  #plan(query: Tree, above: readonly Tree[]): void {
    const alive = this.#planParts(query, above);
    if (alive.length === 0) return;
    if (query.fields['groupingSets'] !== null) this.#problems.add('groups by sets over many places');
    if (query.fields['hasForUpdate'] === 'true') this.#problems.add('locks rows that it reads in many places');
    const classes = new Set(alive.map(({ entry, table }) => this.#columns.rootOf(entry, DISTRIBUTED[table] ?? '')));
    if (classes.size > 1) this.#problems.add('joins tables by something else than their places');
  }

  /** → the tables in it that lie on many servers and are read there */
  #planParts(query: Tree, above: readonly Tree[]): Alive[] {
    const levels = [query, ...above];
    for (const cte of treesIn(query.fields['cteList'])) {
      if (!isInlined(cte) && this.#touches(cte, 'distributed')) this.#planCte(cte, levels);
    }
    for (const condition of conjuncts(query)) this.#noteEquality(condition, levels);
    const alive = treesIn(asTree(query.fields['jointree'])?.fields['fromlist']).flatMap((item) => this.#planItem(item, levels));
    for (const sublink of sublinksOf(query)) {
      alive.push(...this.#planSublink(asTree(sublink.fields['subselect']), levels, alive.length > 0));
    }
    return alive;
  }

  #planCte(cte: Tree, levels: readonly Tree[]): void {
    const query = asTree(cte.fields['ctequery']);
    if (query === undefined) return;
    if (cte.fields['cterecursive'] === 'true') this.#problems.add('recurses over what lies in many places');
    if (refersOutside(query)) this.#problems.add('fixes a part that refers to what is around it');
    this.#plan(query, levels);
  }

  #planItem(item: Tree, levels: readonly Tree[]): Alive[] {
    if (item.type === 'JOINEXPR') return this.#planJoin(item, levels);
    const [query] = levels;
    const entry = query === undefined ? undefined : entriesOf(query)[Number(item.fields['rtindex']) - 1];
    if (entry === undefined) return [];
    const table = this.#table(entry);
    if (table !== null) return table in DISTRIBUTED ? [{ entry, table }] : [];
    const part = partOf(entry, levels);
    if (part === undefined || !this.#touches(part.query, 'distributed')) return [];
    if (!refersOutside(part.query) && !this.#canGoAlong(part.query)) {
      this.#plan(part.query, part.levels);
      return [];
    }
    if (this.#touches(part.query, 'local')) this.#problems.add('mixes what lies elsewhere into a part that refers to what is around it');
    return this.#planParts(part.query, part.levels);
  }

  #planJoin(join: Tree, levels: readonly Tree[]): Alive[] {
    const left = treesIn(join.fields['larg']).flatMap((item) => this.#planItem(item, levels));
    const right = treesIn(join.fields['rarg']).flatMap((item) => this.#planItem(item, levels));
    const kind = String(join.fields['jointype']); // 0 inner, 1 left, 2 full, 3 right
    const outer =
      kind === '1'
        ? [[left, right]]
        : kind === '3'
          ? [[right, left]]
          : kind === '2'
            ? [
                [left, right],
                [right, left],
              ]
            : [];
    for (const [kept = [], other = []] of outer) {
      if (kept.length > 0 || other.length === 0) continue;
      // every row of what is kept would come once from each server: the other side is fetched before
      for (const { entry, table } of other) {
        if (!this.#isNarrow(entry, levels)) this.#problems.add(`fetches all of ${table} for an outer join`);
      }
      return kept;
    }
    return [...left, ...right];
  }

  #isNarrow(entry: Tree, levels: readonly Tree[]): boolean {
    return [...levels.flatMap((level) => [...walk(level)])].some((query) => {
      if (query.type !== 'QUERY') return false;
      const index = entriesOf(query).indexOf(entry) + 1;
      return index > 0 && this.#hasNarrowing(query, index);
    });
  }

  /** By a condition on its own columns, whichever they are. */
  #hasNarrowing(query: Tree, index: number): boolean {
    return conjuncts(query).some((condition) => {
      const columns = [...walk(condition, ({ type }) => type !== 'QUERY')].filter(({ type }) => type === 'VAR');
      return columns.length > 0 && columns.every(({ fields }) => fields['varno'] === String(index) && fields['varlevelsup'] === '0');
    });
  }

  #planSublink(query: Tree | undefined, levels: readonly Tree[], isBesideRows: boolean): Alive[] {
    if (query === undefined) return [];
    const isOutward = refersOutside(query);
    if (!this.#touches(query, 'distributed')) {
      if (isOutward && isBesideRows && this.#touches(query, 'local')) this.#problems.add('asks what lies elsewhere for each row');
      return [];
    }
    if (!isOutward) {
      this.#plan(query, levels);
      return [];
    }
    if (!isBesideRows) this.#problems.add('asks many places for each row of what lies in none');
    if (this.#touches(query, 'local')) this.#problems.add('asks what lies elsewhere for each row');
    return this.#planParts(query, levels);
  }

  /** Without a step that would need the rows of all places. */
  #canGoAlong(query: Tree): boolean {
    const { fields } = query;
    if (this.#touches(query, 'local')) return false;
    if (fields['limitCount'] !== null || fields['limitOffset'] !== null || fields['setOperations'] !== null) return false;
    if (fields['groupingSets'] !== null || treesIn(fields['cteList']).some((cte) => !isInlined(cte))) return false;
    const groups = treesIn(fields['groupClause']);
    const distinct = treesIn(fields['distinctClause']);
    if (fields['hasAggs'] === 'true' && groups.length === 0) return false;
    if (groups.length > 0 && !this.#namesKey(query, groups)) return false;
    if (distinct.length > 0 && !this.#namesKey(query, distinct)) return false;
    const windows = treesIn(fields['windowClause']);
    return windows.every((window) => this.#namesKey(query, treesIn(window.fields['partitionClause'])));
  }

  #namesKey(query: Tree, clauses: readonly Tree[]): boolean {
    const columns = treesIn(query.fields['targetList']).filter((column) =>
      clauses.some((clause) => clause.fields['tleSortGroupRef'] === column.fields['ressortgroupref']),
    );
    return columns.some((column) => {
      const source = sourceOf(asTree(column.fields['expr']), [query]);
      const table = source === null ? null : this.#table(source.entry);
      return table !== null && source !== null && DISTRIBUTED[table] === source.column;
    });
  }

  #noteEquality(condition: Tree, levels: readonly Tree[]): void {
    if (condition.type !== 'OPEXPR' || !this.#known.equals.has(String(condition.fields['opno']))) return;
    const [one, other] = treesIn(condition.fields['args']).map((side) => sourceOf(side, levels));
    if (one !== null && one !== undefined && other !== null && other !== undefined) this.#columns.join(one, other);
  }

  // -------------------------------------------------------------- changes

  #judgeChange(query: Tree): void {
    const target = entriesOf(query)[Number(query.fields['resultRelation']) - 1];
    if (target === undefined) return;
    const kind = this.#kind(target);
    if (kind === 'local') {
      if (query.fields['commandType'] !== INSERT && sublinksOf(query).some((sublink) => this.#asksForEach(sublink)))
        this.#problems.add('asks many places for each row of what lies in none');
      return;
    }
    if (query.fields['commandType'] === INSERT) this.#judgeInsert(query);
    else this.#judgeUpdate(query, kind);
  }

  #judgeUpdate(query: Tree, kind: 'distributed' | 'reference' | null): void {
    if ([...walk(query)].some((tree) => this.#volatility(tree) === 'v')) this.#problems.add('changes rows by something volatile');
    const values = [query.fields['targetList'] ?? null, asTree(query.fields['jointree'])?.fields['quals'] ?? null];
    if (values.some((value) => this.#isLazyAndMutable(value, [query]))) this.#problems.add('asks the session within a case or coalesce');
    if (values.some((value) => this.#isStableOfColumns(value, [query]))) this.#problems.add('asks the session about columns');
    this.#judgeReturning(query);
    if (kind === 'reference' && (this.#touches(query, 'distributed') || this.#touches(query, 'local')))
      this.#problems.add('changes what is everywhere by what is not');
  }

  #judgeReturning(query: Tree): void {
    if (this.#isMutable(query.fields['returningList'])) this.#problems.add('asks the session about what it returns');
  }

  #judgeInsert(query: Tree): void {
    const conflict = asTree(query.fields['onConflict']);
    const sets = treesIn(conflict?.fields['onConflictSet']).filter(({ fields }) => asTree(fields['expr'])?.type !== 'VAR');
    if (sets.some((set) => this.#isMutable(set)) || this.#isMutable(conflict?.fields['onConflictWhere']))
      this.#problems.add('asks the session on a conflict');
    const hasSource = entriesOf(query).some((entry) => entry.fields['rtekind'] === SUBQUERY);
    if (!hasSource && sublinksOf(query).length > 0) this.#problems.add('asks within the values of an insert');
    if (!hasSource) this.#judgeReturning(query);
  }

  #asksForEach(sublink: Tree): boolean {
    const query = asTree(sublink.fields['subselect']);
    return query !== undefined && this.#touches(query, 'distributed') && refersOutside(query);
  }

  // -------------------------------------------------------------- functions

  /** v, s or i, of what this node alone calls; null: it calls nothing */
  #volatility({ type, fields }: Tree): string | null {
    if (type === 'SQLVALUEFUNCTION' || type === 'NEXTVALUEEXPR') return type === 'NEXTVALUEEXPR' ? 'v' : 's';
    if (type === 'COERCEVIAIO') {
      const of = [this.#known.byInput.get(String(fields['resulttype'])), this.#known.byOutput.get(typeOf(asTree(fields['arg'])))];
      return of.includes('s') ? 's' : 'i';
    }
    const called = fields['opfuncid'] ?? fields['funcid'] ?? fields['aggfnoid'] ?? fields['winfnoid'];
    return typeof called === 'string' ? (this.#known.byFunction.get(called) ?? null) : null;
  }

  #isMutable(field: Field | undefined): boolean {
    return [...walk(field)].some((tree) => ['s', 'v'].includes(this.#volatility(tree) ?? 'i'));
  }

  #isLazyAndMutable(field: Field, levels: readonly Tree[]): boolean {
    return [...this.#pulledUp(field, levels)].some((tree) => {
      return (
        (tree.type === 'CASEEXPR' || tree.type === 'COALESCEEXPR') &&
        [...this.#pulledUp(tree, levels)].some((inner) => this.#volatility(inner) === 's')
      );
    });
  }

  #isStableOfColumns(field: Field, levels: readonly Tree[]): boolean {
    return [...this.#pulledUp(field, levels)].some((tree) => {
      return this.#volatility(tree) === 's' && [...this.#pulledUp(tree, levels)].some(({ type }) => type === 'VAR');
    });
  }

  /** With what stands behind the columns of simple parts, which Postgres puts in their place before Citus looks. */
  *#pulledUp(field: Field, levels: readonly Tree[]): Generator<Tree> {
    for (const tree of walk(field, ({ type }) => type !== 'QUERY')) {
      yield tree;
      if (tree.type !== 'VAR') continue;
      const behind = behindColumn(tree, levels);
      if (behind !== null && isSimple(behind.query)) yield* this.#pulledUp(behind.expression, behind.levels);
    }
  }
}

/** Columns that are equal, whichever they are. */
class Columns {
  readonly #ids = new Map<Tree, number>();
  readonly #parents = new Map<string, string>();

  rootOf(entry: Tree, column: string): string {
    const id = this.#ids.get(entry) ?? this.#ids.size;
    this.#ids.set(entry, id);
    let root = `${id} ${column}`;
    for (let parent = this.#parents.get(root); parent !== undefined; parent = this.#parents.get(root)) root = parent;
    return root;
  }

  join(one: Source, other: Source): void {
    const [first, second] = [this.rootOf(one.entry, one.column), this.rootOf(other.entry, other.column)];
    if (first !== second) this.#parents.set(first, second);
  }
}

interface Source {
  readonly entry: Tree;
  readonly column: string;
}

function asTree(field: Field | undefined): Tree | undefined {
  return isTree(field) ? field : undefined;
}

function entriesOf(query: Tree): readonly Tree[] {
  return treesIn(query.fields['rtable']);
}

/** Conditions that hold for every row, those of its joins too. */
function conjuncts(query: Tree): Tree[] {
  const quals: Tree[] = [];
  for (const tree of walk(query.fields['jointree'], ({ type }) => type === 'FROMEXPR' || type === 'JOINEXPR')) {
    if (tree.type === 'FROMEXPR' || tree.type === 'JOINEXPR') quals.push(...treesIn(tree.fields['quals']));
  }
  const split = (tree: Tree): Tree[] =>
    tree.type === 'BOOLEXPR' && tree.fields['boolop'] === 'and' ? treesIn(tree.fields['args']).flatMap(split) : [tree];
  return quals.flatMap(split);
}

/** Of this query itself, not of those inside. */
function sublinksOf(query: Tree): Tree[] {
  const { rtable: _, cteList: __, ...own } = query.fields;
  return Object.values(own).flatMap((field) => [...walk(field, ({ type }) => type !== 'QUERY')].filter(({ type }) => type === 'SUBLINK'));
}

/** As Postgres, and Citus for it, puts a part in its place. */
function isInlined({ fields }: Tree): boolean {
  return (
    fields['cterecursive'] !== 'true' &&
    (fields['ctematerialized'] === '2' || (fields['ctematerialized'] === '0' && fields['cterefcount'] === '1'))
  );
}

function refersOutside(query: Tree): boolean {
  const reaches = (field: Field | undefined, depth: number): boolean =>
    treesIn(field).some((tree) => {
      const up = tree.fields['varlevelsup'] ?? tree.fields['agglevelsup'];
      if (typeof up === 'string' && Number(up) > depth) return true;
      const inner = tree.type === 'QUERY' ? depth + 1 : depth;
      return Object.values(tree.fields).some((each) => reaches(each, inner));
    });
  return reaches(query, -1);
}

interface Part {
  readonly query: Tree;
  readonly levels: readonly Tree[];
}

/** The query behind an entry that is one, or names one that is put in its place. */
function partOf(entry: Tree, levels: readonly Tree[]): Part | undefined {
  const subquery = asTree(entry.fields['subquery']);
  if (entry.fields['rtekind'] === SUBQUERY && subquery !== undefined) return { query: subquery, levels };
  if (entry.fields['rtekind'] !== CTE) return undefined;
  const home = levels.slice(Number(entry.fields['ctelevelsup']));
  const cte = treesIn(home[0]?.fields['cteList']).find(({ fields }) => fields['ctename'] === entry.fields['ctename']);
  const query = asTree(cte?.fields['ctequery']);
  return cte !== undefined && query !== undefined && isInlined(cte) ? { query, levels: home } : undefined;
}

function nameOfColumn(entry: Tree, column: Tree): string {
  const names = asTree(entry.fields['eref'])?.fields['colnames'];
  const name = Array.isArray(names) ? names[Number(column.fields['varattno']) - 1] : null;
  return typeof name === 'string' ? name.replaceAll('"', '') : '';
}

/** What stands behind a column of a part; null: it is a table's own. */
function behindColumn(column: Tree, levels: readonly Tree[]): (Part & { readonly expression: Tree }) | null {
  const own = levels.slice(Number(column.fields['varlevelsup']));
  const entry = own[0] === undefined ? undefined : entriesOf(own[0])[Number(column.fields['varno']) - 1];
  const part = entry === undefined ? undefined : partOf(entry, own);
  const target = treesIn(part?.query.fields['targetList'])[Number(column.fields['varattno']) - 1];
  const expression = asTree(target?.fields['expr']);
  return part === undefined || expression === undefined ? null : { query: part.query, levels: [part.query, ...part.levels], expression };
}

/** The table's, or function's, column that an expression is; null: it is none. */
function sourceOf(expression: Tree | undefined, levels: readonly Tree[]): Source | null {
  if (expression === undefined) return null;
  const column = withoutCasts(expression);
  if (column.type !== 'VAR') return null;
  const own = levels.slice(Number(column.fields['varlevelsup']));
  const entry = own[0] === undefined ? undefined : entriesOf(own[0])[Number(column.fields['varno']) - 1];
  if (entry === undefined) return null;
  const kind = entry.fields['rtekind'];
  if (kind === JOIN || kind === GROUP) {
    const list = treesIn(entry.fields[kind === JOIN ? 'joinaliasvars' : 'groupexprs']);
    return sourceOf(list[Number(column.fields['varattno']) - 1], own);
  }
  const behind = behindColumn(column, levels);
  if (behind !== null) return sourceOf(behind.expression, behind.levels);
  return { entry, column: nameOfColumn(entry, column) };
}

function isSimple({ fields }: Tree): boolean {
  const isBare = ['limitCount', 'limitOffset', 'setOperations', 'groupClause', 'groupingSets', 'distinctClause', 'windowClause', 'cteList'];
  return isBare.every((name) => treesIn(fields[name]).length === 0) && fields['hasAggs'] !== 'true' && fields['hasTargetSRFs'] !== 'true';
}

function withoutCasts(tree: Tree): Tree {
  const inner = tree.type === 'RELABELTYPE' ? asTree(tree.fields['arg']) : undefined;
  return inner === undefined ? tree : withoutCasts(inner);
}

function typeOf(tree: Tree | undefined): string {
  const { fields = {} } = tree ?? {};
  const names = [
    'vartype',
    'consttype',
    'paramtype',
    'opresulttype',
    'funcresulttype',
    'resulttype',
    'casetype',
    'coalescetype',
    'aggtype',
    'array_typeid',
  ];
  const found = names.map((name) => fields[name]).find((type) => typeof type === 'string');
  return typeof found === 'string' ? found : '';
}
