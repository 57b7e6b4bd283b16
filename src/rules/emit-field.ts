// In charge of fields: a built-in's column, an attribute, a consent, an event's property, as a typed SQL operand.
// A stored jsonb value of another type than the rule's counts as missing, so no stored value can raise.
import { type SQL, sql } from 'drizzle-orm';
import { assert, unreachable } from '../base/assert.ts';
import { type BuiltInField, builtInField, type ValueType } from '../catalog/catalog.ts';
import type { FieldExpression } from './ast.ts';
import { nextBirthday } from './emit-age.ts';
import type { EmitScope, SqlOperand } from './emit-operand.ts';
import { today } from './emit-parameters.ts';

/** In every emitted statement customers are `c` and the rows of a source are `s`. */
function column(scope: EmitScope, name: string): SQL {
  return sql`${sql.raw(scope.scope === 'customers' ? 'c' : 's')}.${sql.identifier(name)}`;
}

export function emitField(field: FieldExpression, scope: EmitScope): SqlOperand {
  switch (field.kind) {
    case 'field': {
      const builtIn = builtInField(scope.scope, field.name);
      assert(builtIn !== undefined, `${scope.scope} have a field ${field.name}`);
      return builtIn.computed ? computedField(builtIn, scope) : columnField(builtIn, scope);
    }
    case 'attribute':
      return jsonField(sql`${column(scope, 'attributes')} -> ${scope.parameters.constant('text', field.name)}`, typeOf(field, scope));
    case 'property': {
      const value = sql`${column(scope, 'properties')} -> ${scope.parameters.constant('text', field.name)}`;
      const type = scope.types.get(field);
      return type === undefined ? presence(value) : jsonField(value, type, 'lists of objects');
    }
    case 'consent':
      return jsonField(sql`${column(scope, 'consents')} -> ${scope.parameters.constant('text', field.name)}`, 'boolean');
    default:
      return unreachable(field);
  }
}

function typeOf(field: FieldExpression, scope: EmitScope): ValueType {
  const type = scope.types.get(field);
  assert(type !== undefined, `the checker gave ${field.name} a type`);
  return type;
}

function columnField(field: BuiltInField, scope: EmitScope): SqlOperand {
  const reference = column(scope, field.column);
  const { nullable } = field;
  switch (field.type) {
    case 'number':
      return { kind: 'value', type: 'number', sql: reference, nullable, scale: field.scaled ? 4 : 0, integer: true };
    case 'list':
      return { kind: 'value', type: 'list', sql: sql`nullif(${reference}, '{}'::text[])`, nullable: true, form: 'array' };
    case 'string':
    case 'boolean':
    case 'date':
    case 'timestamp':
      return { kind: 'value', type: field.type, sql: reference, nullable };
    default:
      return unreachable(field.type);
  }
}

function computedField(field: BuiltInField, scope: EmitScope): SqlOperand {
  const name = `${field.scope}.${field.name}`;
  switch (name) {
    case 'customers.age': {
      const birthday = column(scope, 'birthday');
      const now = today(scope.parameters);
      scope.flips.addDay(nextBirthday(birthday, scope.parameters));
      return {
        kind: 'value',
        type: 'number',
        sql: sql`strata_age(${birthday}, ${now})`,
        nullable: true,
        scale: 0,
        integer: true,
        birthday,
      };
    }
    case 'items.total':
      // the product of two numbers of four decimals has eight, and goes past bigint
      return {
        kind: 'value',
        type: 'number',
        sql: sql`(${column(scope, 'quantity')}::numeric * ${column(scope, 'unit_price')})`,
        nullable: true,
        scale: 8,
        integer: false,
      };
    default:
      throw new Error(`the computed field ${name} has no SQL`);
  }
}

/** A value of any type, only to be asked whether it is there. */
function presence(value: SQL): SqlOperand {
  return { kind: 'value', type: 'string', sql: sql`(nullif(${value}, '[]'::jsonb) #>> '{}')`, nullable: true };
}

/** Strict, since a lax path would look into lists in the list. */
const OTHER_THAN_STRING = 'strict $[*] ? (@.type() != "string")';

/** `beside`: another list may lie under this name, as a rule over any event reads the values of all events. */
function jsonField(value: SQL, type: ValueType, beside?: 'lists of objects'): SqlOperand {
  const text = sql`((${value}) #>> '{}')`;
  const guarded = (jsonType: string, result: SQL): SQL => sql`case when jsonb_typeof(${value}) = '${sql.raw(jsonType)}' then ${result} end`;
  switch (type) {
    case 'string':
      return { kind: 'value', type, sql: sql`(${guarded('string', text)}) collate "C"`, nullable: true };
    case 'number':
      return { kind: 'value', type, sql: sql`(${guarded('number', sql`(${value})::numeric`)})`, nullable: true, scale: 0, integer: false };
    case 'boolean':
      return { kind: 'value', type, sql: sql`(${guarded('boolean', sql`(${value})::boolean`)})`, nullable: true };
    case 'date':
      return { kind: 'value', type, sql: sql`strata_date(${guarded('string', text)})`, nullable: true };
    case 'timestamp':
      return { kind: 'value', type, sql: sql`strata_timestamp(${guarded('string', text)})`, nullable: true };
    case 'list': {
      const given = sql`nullif(${value}, '[]'::jsonb)`;
      const ofStrings = sql`case when not jsonb_path_exists(${value}, '${sql.raw(OTHER_THAN_STRING)}') then ${given} end`;
      const list = guarded('array', beside === undefined ? given : ofStrings);
      return { kind: 'value', type, sql: sql`(${list})`, nullable: true, form: 'jsonb' };
    }
    default:
      return unreachable(type);
  }
}
