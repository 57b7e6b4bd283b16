// In charge of the values of an emitted statement: each distinct value is one parameter, whether a constant of a rule or something known only
// when the statement runs (the instant, the zone, the customers). No value is written into the text, except the ids of segments.
import { Name, Placeholder, SQL, StringChunk, sql } from 'drizzle-orm';
import { assert } from '../base/assert.ts';
import { type CalendarUnit, dayOf, dayStartMs, formatDay, formatInstant } from '../base/calendar.ts';
import { type Edge, type Moment, todayOf, unitStart } from './plan.ts';

export type ParameterType =
  | 'bigint'
  | 'integer'
  | 'numeric'
  | 'text'
  | 'boolean'
  | 'date'
  | 'timestamptz'
  | 'interval'
  | 'bigint[]'
  | 'integer[]'
  | 'numeric[]'
  | 'text[]';

/** The customers of one run, in the form the request was emitted for. `isCrowd`: there are so many that their rows are read in one pass. */
export type Customers =
  | { readonly keys: readonly string[]; readonly isCrowd?: true }
  | { readonly afterKey: string; readonly throughKey: string };
export type BindingInput = Moment & { readonly customers: Customers };
type Binding = (input: BindingInput) => unknown;

export interface Parameters {
  constant(type: ParameterType, value: unknown): SQL;
  /** Known when the statement runs; the same name must always mean the same value. */
  bound(type: ParameterType, name: string, binding: Binding): SQL;
  render(query: SQL): Rendered;
}

export interface Rendered {
  readonly text: string;
  /** what is bound, in order: unique to a type and a value, or to what is known when the statement runs */
  readonly names: readonly string[];
  bind(input: BindingInput): unknown[];
  /** A fragment whose parameters the query already has, as text that can be used beside the query. */
  beside(fragment: SQL): string;
}

/**
 * Walks a fragment in the order of its text. PgDialect().sqlToQuery is not used: it copies the parameters at every level of nesting and numbers
 * each use of a value anew, which took 1.6 s for 500 segments where this takes a twentieth (November 2026).
 */
function walkFragment(chunk: unknown, onText: (text: string) => void, onPlaceholder: (name: string) => void): void {
  if (chunk instanceof SQL) for (const part of chunk.queryChunks) walkFragment(part, onText, onPlaceholder);
  else if (chunk instanceof StringChunk) for (const text of chunk.value) onText(text);
  else if (chunk instanceof Placeholder) onPlaceholder(chunk.name);
  else if (chunk instanceof Name) onText(`"${chunk.value.replaceAll('"', '""')}"`);
  else throw new Error('broken invariant: emitted SQL holds texts, names and placeholders only');
}

const fragmentKeys = new WeakMap<SQL, string>();

/** Unique to what a fragment computes, values included. Each fragment is read once, however many others it is part of. */
export function fragmentKey(fragment: SQL): string {
  const known = fragmentKeys.get(fragment);
  if (known !== undefined) return known;
  let key = '';
  for (const chunk of fragment.queryChunks) {
    if (chunk instanceof SQL) key += fragmentKey(chunk);
    else {
      walkFragment(
        chunk,
        (text) => {
          key += text;
        },
        (name) => {
          key += `{${name}}`;
        },
      );
    }
  }
  fragmentKeys.set(fragment, key);
  return key;
}

export function createParameters(): Parameters {
  const bindings = new Map<string, Binding>();
  const bound = (type: ParameterType, name: string, binding: Binding): SQL => {
    const unique = `${type} ${name}`;
    if (!bindings.has(unique)) bindings.set(unique, binding);
    return sql`${sql.placeholder(unique)}::${sql.raw(type)}`;
  };
  return {
    bound,
    constant: (type, value) => bound(type, `constant ${JSON.stringify(value)}`, () => value),
    render: (query) => {
      const order = new Map<string, number>();
      let text = '';
      walkFragment(
        query,
        (part) => {
          text += part;
        },
        (name) => {
          // one parameter for all uses of a value: a statement has at most 65,535
          const number = order.get(name) ?? order.size + 1;
          order.set(name, number);
          text += `$${number}`;
        },
      );
      assert(order.size <= 65_535, 'an evaluation has at most 65,535 parameters');
      const inOrder = [...order.keys()].map((name) => {
        const binding = bindings.get(name);
        assert(binding !== undefined, `parameter ${name} has no value`);
        return binding;
      });
      const beside = (fragment: SQL): string => {
        let printed = '';
        walkFragment(
          fragment,
          (part) => {
            printed += part;
          },
          (name) => {
            const number = order.get(name);
            assert(number !== undefined, `the query has parameter ${name}`);
            printed += `$${number}`;
          },
        );
        return printed;
      };
      return { text, names: [...order.keys()], bind: (input) => inOrder.map((binding) => binding(input)), beside };
    },
  };
}

/**
 * A segment's id, the only value written into the text: it is ours and occurs there as the name of a column anyway, and one parameter for each
 * of 500 segments was half of those that every evaluation sent and read.
 */
export function segmentNumber(id: number): SQL {
  assert(Number.isSafeInteger(id), 'the id of a segment is an integer');
  return sql.raw(String(id));
}

export function asOf(parameters: Parameters): SQL {
  return parameters.bound('timestamptz', 'asOf', (input) => formatInstant(input.asOfMs));
}

export function today(parameters: Parameters): SQL {
  return parameters.bound('date', 'today', (input) => formatDay(todayOf(input)));
}

export function zone(parameters: Parameters): SQL {
  return parameters.bound('text', 'zone', (input) => input.timeZone);
}

export function edgeInstant(parameters: Parameters, edge: Edge): SQL {
  return parameters.bound('timestamptz', edge.name, (input) => formatInstant(edge.atMs(input)));
}

/** Today moved by a number of days, as a date. */
export function movedToday(parameters: Parameters, days: number): SQL {
  return parameters.bound('date', `today ${days}`, (input) => formatDay(todayOf(input) + days));
}

/** The first day of the unit that is `shift` units from today's. */
export function unitDay(parameters: Parameters, unit: CalendarUnit, shift: number): SQL {
  return parameters.bound('date', `${unit} ${shift}`, (input) => formatDay(unitStart(input, unit, shift)));
}
/** The day in which an instant that moves with the clock lies. */
export function movedInstantDay(parameters: Parameters, offsetMs: number): SQL {
  return parameters.bound('date', `now ${offsetMs}`, (input) => formatDay(dayOf(input.asOfMs + offsetMs, input.timeZone)));
}

/** The day in which a fixed instant lies. */
export function fixedInstantDay(parameters: Parameters, instantMs: number): SQL {
  return parameters.bound('date', `instant ${instantMs}`, (input) => formatDay(dayOf(instantMs, input.timeZone)));
}

/** When a day begins, in epoch milliseconds. */
export function dayStartMilliseconds(parameters: Parameters, day: number): SQL {
  return parameters.bound('bigint', `day ${day}`, (input) => String(dayStartMs(day, input.timeZone)));
}

/** A span to add to an instant. Never in days: Postgres would stretch them in a session's time zone. */
export function span(parameters: Parameters, spanMs: number): SQL {
  return parameters.constant('interval', `${spanMs} milliseconds`);
}
