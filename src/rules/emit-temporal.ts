// In charge of comparing dates and timestamps with each other and with instants, and of when such an answer flips (the table in plan.ts).
// A date compared with a timestamp means the whole day; compared with a date, an instant means the day in which it lies.
import { type SQL, sql } from 'drizzle-orm';
import { assert, unreachable } from '../base/assert.ts';
import type { CalendarPeriod, Instant, Window } from './ast.ts';
import type { EmitScope, TextOperand } from './emit-operand.ts';
import { edgeInstant, fixedInstantDay, movedInstantDay, span, today, unitDay, zone } from './emit-parameters.ts';
import { CALENDAR_PERIODS, edgeOf, movingEdge, movingOffsetMs, steppingEdge } from './plan.ts';

export type Order = '=' | '<' | '<=' | '>' | '>=';

const MIRRORED: Readonly<Record<Order, Order>> = { '=': '=', '<': '>', '<=': '>=', '>': '<', '>=': '<=' };

export function mirror(order: Order): Order {
  return MIRRORED[order];
}

/** A stored date or timestamp compared with an instant. */
export function compareWithInstant(value: TextOperand, order: Order, instant: Instant, scope: EmitScope): SQL {
  return value.type === 'date' ? dateWithInstant(value.sql, order, instant, scope) : timestampWithInstant(value.sql, order, instant, scope);
}

function timestampWithInstant(value: SQL, order: Order, instant: Instant, scope: EmitScope): SQL {
  const { parameters, flips } = scope;
  switch (instant.kind) {
    case 'timestamp':
      return compare(value, order, edgeInstant(parameters, edgeOf(instant, 0)));
    case 'now':
    case 'ago':
    case 'from_now': {
      const offsetMs = movingOffsetMs(instant) ?? 0;
      if (order !== '<' && order !== '>=') flips.addInstant(sql`${value} + ${span(parameters, -offsetMs)}`);
      if (order !== '>' && order !== '<=') flips.addInstant(sql`${value} + ${span(parameters, 1 - offsetMs)}`);
      return compare(value, order, edgeInstant(parameters, movingEdge(offsetMs)));
    }
    case 'today': {
      const day = sql`strata_local_date(${value}, ${zone(parameters)})`;
      addDayFlips(day, order, scope);
      return compareWithDay(value, order, edgeInstant(parameters, edgeOf(instant, 0)), edgeInstant(parameters, edgeOf(instant, 1)));
    }
    case 'date':
      return compareWithDay(value, order, edgeInstant(parameters, edgeOf(instant, 0)), edgeInstant(parameters, edgeOf(instant, 1)));
    default:
      return unreachable(instant);
  }
}

function dateWithInstant(value: SQL, order: Order, instant: Instant, scope: EmitScope): SQL {
  const { parameters, flips } = scope;
  switch (instant.kind) {
    case 'date':
      return compare(value, order, parameters.constant('date', instant.value));
    case 'timestamp':
      return compare(value, order, fixedInstantDay(parameters, instant.value));
    case 'today':
      addDayFlips(value, order, scope);
      return compare(value, order, today(parameters));
    case 'now':
    case 'ago':
    case 'from_now': {
      const offsetMs = movingOffsetMs(instant) ?? 0;
      const begins = (day: SQL): SQL => sql`strata_day_start(${day}, ${zone(parameters)}) + ${span(parameters, -offsetMs)}`;
      if (offsetMs === 0) addDayFlips(value, order, scope);
      else {
        if (order !== '<' && order !== '>=') flips.addInstant(begins(value));
        if (order !== '>' && order !== '<=') flips.addInstant(begins(sql`${value} + 1`));
      }
      return compare(value, order, movedInstantDay(parameters, offsetMs));
    }
    default:
      return unreachable(instant);
  }
}

/** A day compared with today: `<=` and `>` flip when the day begins, `<` and `>=` when it has ended, `=` at both. */
function addDayFlips(day: SQL, order: Order, scope: EmitScope): void {
  if (order !== '<' && order !== '>=') scope.flips.addDay(day);
  if (order !== '>' && order !== '<=') scope.flips.addDay(sql`${day} + 1`);
}

/** Two stored values compared. */
export function compareStored(left: TextOperand, order: Order, right: TextOperand, scope: EmitScope): SQL {
  if (left.type === right.type) return compare(left.sql, order, right.sql);
  if (left.type === 'date') return compareStored(right, mirror(order), left, scope);
  assert(left.type === 'timestamp' && right.type === 'date', 'a date stands beside a date or a timestamp');
  const begins = (day: SQL): SQL => sql`strata_day_start(${day}, ${zone(scope.parameters)})`;
  return compareWithDay(left.sql, order, begins(right.sql), begins(sql`${right.sql} + 1`));
}

function compareWithDay(value: SQL, order: Order, start: SQL, end: SQL): SQL {
  switch (order) {
    case '=':
      return sql`(${value} >= ${start} and ${value} < ${end})`;
    case '<':
    case '>=':
      return compare(value, order, start);
    case '<=':
      return compare(value, '<', end);
    case '>':
      return compare(value, '>=', end);
    default:
      return unreachable(order);
  }
}

function compare(left: SQL, order: Order, right: SQL): SQL {
  return sql`${left} ${sql.raw(order)} ${right}`;
}

/** A stored date or timestamp in a window; half-open, except that `between A and E` runs to the end of a date E. */
export function emitWithin(value: TextOperand, window: Window, scope: EmitScope): SQL {
  const against = (order: Order, instant: Instant): SQL => compareWithInstant(value, order, instant, scope);
  switch (window.kind) {
    case 'last': {
      const { place } = window;
      return sql`(${against('>', { kind: 'ago', duration: window.duration, place })} and ${against('<=', { kind: 'now', place })})`;
    }
    case 'calendar':
      return withinPeriod(value, window.period, scope);
    case 'since':
      return against('>=', window.instant);
    case 'before':
      return against('<', window.instant);
    case 'between': {
      const wholeDay = window.to.kind === 'date' || window.to.kind === 'today';
      return sql`(${against('>=', window.from)} and ${against(wholeDay ? '<=' : '<', window.to)})`;
    }
    default:
      return unreachable(window);
  }
}

function withinPeriod(value: TextOperand, period: CalendarPeriod, scope: EmitScope): SQL {
  const { parameters, flips } = scope;
  const { unit, shift } = CALENDAR_PERIODS[period];
  const firstDay = unitDay(parameters, unit, shift);
  const lower = value.type === 'date' ? firstDay : edgeInstant(parameters, steppingEdge(unit, shift));
  const upper = value.type === 'date' ? unitDay(parameters, unit, shift + 1) : edgeInstant(parameters, steppingEdge(unit, shift + 1));
  // what lies before the period never enters it again, so its day need not be looked up
  const day =
    value.type === 'date'
      ? value.sql
      : sql`case when ${value.sql} >= ${lower} then strata_local_date(${value.sql}, ${zone(parameters)}) end`;
  const unitOf = sql`date_trunc('${sql.raw(unit)}', (${day})::timestamp)`;
  const step = unit === 'quarter' ? '3 months' : `1 ${unit}`;
  const moved = (steps: number): SQL => sql`(${unitOf} + ${sql.raw(String(steps))} * interval '${sql.raw(step)}')::date`;
  flips.addDay(moved(-shift)); // enters
  flips.addDay(moved(1 - shift)); // leaves
  return sql`(${value.sql} >= ${lower} and ${value.sql} < ${upper})`;
}
