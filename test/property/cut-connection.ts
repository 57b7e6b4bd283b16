// In charge of a database whose connections break in the middle of a request, as when a process or the network dies.
import type { Client, Database } from '../../src/db/database.ts';

export interface CutDatabase {
  readonly database: Database;
  /** Resolves when the server has noticed: what had been sent may be done until then, a commit too. */
  ended(): Promise<void>;
}

/** The same database; behind so many statements from now on the connection that is asked is cut, once. */
export function cutAfter(database: Database, statements: number): CutDatabase {
  let left = statements;
  let cutPid: unknown = null;
  const connect = async (): Promise<Client> => {
    const client = await database.pool.connect();
    const { query, release } = client;
    client.query = ((...given: Parameters<typeof query>) => {
      left -= 1;
      if (left === 0) {
        cutPid = (client as unknown as { processID: number }).processID;
        streamOf(client).destroy();
      }
      return query.apply(client, given);
    }) as typeof query;
    client.release = (error) => {
      Object.assign(client, { query, release });
      release.call(client, error);
    };
    return client;
  };
  const pool = new Proxy(database.pool, {
    get: (target, name) => {
      const value: unknown = name === 'connect' ? connect : Reflect.get(target, name, target);
      return typeof value === 'function' && name !== 'connect' ? value.bind(target) : value;
    },
  });
  const ended = async () => {
    const left = { text: 'select from pg_stat_activity as a where a.pid = $1', values: [cutPid] };
    while ((await database.query(left)).length > 0);
  };
  return { database: { ...database, pool }, ended };
}

function streamOf(client: Client): { destroy(): void } {
  return (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream;
}
