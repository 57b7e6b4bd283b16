// In charge of sending several statements on a connection as one batch: a single Sync after the last, where a Sync after each would have
// the server answer with a packet each. If one fails, those after it in the batch fail too. Not of what is sent or when (database.ts).
import pg from 'pg';

/** The parts of a query, and of the connection it is written to, that pg's types do not show. */
interface Query {
  readonly name?: string;
  readonly text: string;
  submit(connection: Connection): Error | null;
  handleRowDescription(message: unknown): void;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, connection: Connection): void;
  handleError(error: unknown, connection: Connection): void;
  handleReadyForQuery(connection: Connection): void;
}

interface Connection {
  sync(): void;
  _send(message: Buffer): void;
  readonly stream: { destroy(error: Error): void };
  readonly submittedNamedStatements: Record<string, string>;
}

const OwnQuery = pg.Query as unknown as new (text: string, values?: readonly unknown[], callback?: Callback) => Query;

/** A query made of others: to pg it is one query, but each part has its own outcome. Each must use the extended protocol. */
class StatementBatch extends OwnQuery {
  readonly #queries: readonly Query[];
  #answered = 0;

  constructor(queries: readonly Query[]) {
    super('');
    this.#queries = queries;
  }

  // Those of the one being answered: pg's client remembers by them what it has prepared.
  override get name(): string {
    return this.#present().name ?? '';
  }
  override set name(_of) {} // pg's constructor sets both
  override get text(): string {
    return this.#present().text;
  }
  override set text(_of) {}

  #present(): Query {
    const query = this.#queries[Math.min(this.#answered, this.#queries.length - 1)];
    if (query === undefined) throw new Error('a batch of no statements');
    return query;
  }

  override submit(connection: Connection): null {
    const messages: Buffer[] = [];
    const _send = { value: (message: Buffer) => messages.push(message) };
    const withoutSync: Connection = Object.create(connection, { _send, sync: { value: () => {} } });
    const withSync: Connection = Object.create(connection, { _send });
    try {
      for (const query of this.#queries) {
        const error = query.submit(withoutSync);
        if (error !== null) throw error;
      }
      withSync.sync();
      connection._send(Buffer.concat(messages)); // as one packet
    } catch (error) {
      connection.stream.destroy(error as Error); // some of them are marked as sent
    }
    return null;
  }

  override handleRowDescription(message: unknown): void {
    this.#present().handleRowDescription(message);
  }

  override handleDataRow(message: unknown): void {
    this.#present().handleDataRow(message);
  }

  override handleCommandComplete(message: unknown, connection: Connection): void {
    this.#present().handleCommandComplete(message, connection);
    this.#answered += 1;
  }

  /** The current one failed, and those after it were not begun. */
  override handleError(error: unknown, connection: Connection): void {
    const done = this.#queries.slice(0, this.#answered);
    const undone = this.#queries.slice(this.#answered);
    for (const query of done) query.handleReadyForQuery(connection);
    for (const query of undone) {
      if (query.name !== undefined) delete connection.submittedNamedStatements[query.name];
      query.handleError(error, connection);
    }
  }

  override handleReadyForQuery(connection: Connection): void {
    for (const query of this.#queries) query.handleReadyForQuery(connection);
  }
}

/** Sends them now; → a promise for the outcome of each. Not for texts that hold several statements. */
export function sendBatch(
  client: pg.ClientBase,
  configs: readonly pg.QueryConfig[],
  types: pg.CustomTypesConfig,
): Promise<pg.QueryResult>[] {
  const queries: Query[] = [];
  const outcomes = configs.map(
    (config) =>
      new Promise<pg.QueryResult>((resolve, reject) => {
        queries.push(
          makeQuery(config, types, (error, result) => {
            if (error === null) return resolve(result);
            Error.captureStackTrace(error);
            reject(error);
          }),
        );
      }),
  );
  if (queries.length > 0) client.query(new StatementBatch(queries) as unknown as pg.Query);
  return outcomes;
}

type Callback = (error: Error | null, result: pg.QueryResult) => void;

function makeQuery({ name, text, values }: pg.QueryConfig, types: pg.CustomTypesConfig, callback: Callback): Query {
  const query = new OwnQuery(text, values, callback); // given a config, it would copy that property by property
  const own = query as { name?: string; queryMode?: string; _result?: { _types: pg.CustomTypesConfig } };
  if (name !== undefined) own.name = name;
  own.queryMode = 'extended';
  (own._result as { _types: pg.CustomTypesConfig })._types = types;
  return query;
}
