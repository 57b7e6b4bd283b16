// In charge of the spans of statements, named by the statement's name or by its first words. They never hold its text or a value.
import type pg from 'pg';
import { inSpan, openSpan } from '../base/tracing.ts';

interface Named {
  readonly name?: string | undefined;
  readonly text: string;
}

/** One statement on any connection, with the wait for it. */
export function traceStatement<Value>(statement: Named, send: () => Promise<Value>): Promise<Value> {
  return inSpan(summaryOf(statement), ATTRIBUTES, send);
}

const ATTRIBUTES = { 'db.system.name': 'postgresql' };

/** Every statement sent on a connection by a call that returns a promise (others are the pool's own, see above, or streams), from when it is sent. */
export function traceStatements(client: pg.PoolClient): void {
  const query = client.query.bind(client) as (...given: unknown[]) => unknown;
  const traced = (...given: unknown[]): unknown => {
    const [config, last] = [given[0], given.at(-1)];
    const named = typeof config === 'string' ? { text: config } : config;
    const span =
      typeof last === 'function' || !isNamed(named) ? undefined : openSpan(summaryOf(named), { attributes: ATTRIBUTES, kind: 'client' });
    const sent = query(...given);
    if (span !== undefined && sent instanceof Promise)
      sent.then(
        () => span.end(),
        (error) => span.end(error instanceof Error && 'code' in error ? String(error.code) : 'error'),
      );
    return sent;
  };
  client.query = traced as typeof client.query;
}

function isNamed(config: unknown): config is Named {
  return typeof config === 'object' && config !== null && 'text' in config && typeof config.text === 'string';
}

/** `lock_customers`; `insert into audit_inbox`; where that would be long, the first word. */
function summaryOf({ name, text }: Named): string {
  if (name !== undefined) return name;
  return /^\s*(insert into \w+|update \w+|delete from \w+|\w+)/i.exec(text)?.[1]?.toLowerCase() ?? 'statement';
}
