// Finds what a field names in its scope, and returns its type. In charge of the hints for unknown names.
import { BUILT_IN_FIELDS, builtInField, type Catalog, propertyType, type Scope, type ValueType } from '../catalog/catalog.ts';
import type { FieldExpression } from './ast.ts';
import { type CheckContext, nearest, type RowScope, refuseName, tellError, warnOnce } from './check-context.ts';
import { printPath } from './field-path.ts';
import { type MaybeType, makeVariable } from './type-variable.ts';
import { AGGREGATE_FUNCTIONS, aggregateFunction } from './vocabulary.ts';

/** `comparedWith`: it is on the right of a comparison, where a string without quotes looks like a field. */
export function checkField(context: CheckContext, field: FieldExpression, scope: RowScope, onRight: boolean): MaybeType {
  if (scope === null) return checkCustomerField(context, field, onRight);
  switch (field.kind) {
    case 'property':
      if (scope.kind === 'events') return checkProperty(context, field, scope.event);
      tellError(
        context,
        'unknown_field',
        `${scope.kind} have no properties`,
        field.place,
        `the fields are ${fieldNames(scope.kind).join(', ')}`,
      );
      return null;
    case 'attribute':
    case 'consent':
      tellUnknown(context, field, scope.kind, 'the customer is asked outside of the aggregate, joined by `and`');
      return null;
    case 'field': {
      const known = builtInField(scope.kind, field.name);
      if (known !== undefined) return known.type;
      if (isScore(field.name)) return tellScore(context, field);
      tellUnknown(context, field, scope.kind, rowFieldHint(context, field.name, scope, onRight));
      return null;
    }
  }
}

function checkCustomerField(context: CheckContext, field: FieldExpression, onRight: boolean): MaybeType {
  context.profile = true;
  switch (field.kind) {
    case 'field': {
      const known = builtInField('customers', field.name);
      if (known?.name === 'age') context.timeDependent = true;
      if (known !== undefined) return known.type;
      if (isScore(field.name)) return tellScore(context, field);
      tellUnknown(context, field, 'customers', customerFieldHint(context, field.name, onRight));
      return null;
    }
    case 'attribute': {
      const type = context.catalog.attributes.get(field.name);
      if (type !== undefined) return type;
      const near = nearest(context, field.name, context.catalog.attributes.keys());
      const declare = `nobody has sent or declared it; \`PUT /v1/attributes/${encodeURIComponent(field.name)}\` declares it before anybody sends it`;
      const hint = near === null ? declare : `did you mean \`${printPath({ ...field, name: near })}\`?`;
      tellError(context, 'unknown_field', `unknown attribute \`${printPath(field)}\``, field.place, hint);
      return null;
    }
    case 'consent': {
      if (!context.catalog.consents.has(field.name)) {
        const near = nearest(context, field.name, context.catalog.consents);
        const hint = near === null ? undefined : `did you mean \`${printPath({ ...field, name: near })}\`?`;
        warnOnce(context, `consent ${field.name}`, 'unknown_consent', `nobody has sent \`${printPath(field)}\` yet`, field.place, hint);
      }
      return 'boolean';
    }
    case 'property':
      tellError(
        context,
        'unknown_field',
        `\`${printPath(field)}\` is a property of events, not of the customer`,
        field.place,
        `write count(events "…" where ${printPath(field)} = …)`,
      );
      return null;
  }
}

function checkProperty(context: CheckContext, field: FieldExpression, event: string | null): MaybeType {
  if (refuseName(context, field.name, field.place)) return null;
  const type = propertyType(context.catalog, event, field.name);
  if (type === 'mixed') {
    tellError(
      context,
      'type_mismatch',
      `\`${printPath(field)}\` has not the same type in all events that carry it`,
      field.place,
      'name the event: events "…"',
    );
    return null;
  }
  if (type === 'opaque') {
    const detail = `\`${printPath(field)}\` is a list that is not all strings; such lists are kept, but cannot be asked`;
    tellError(context, 'type_mismatch', detail, field.place);
    return null;
  }
  if (type !== undefined) return type;
  const id = JSON.stringify([event, field.name]);
  const known = context.variables.get(id);
  if (known !== undefined) return known;
  const variable = makeVariable(event, field.name);
  context.variables.set(id, variable);
  const properties = event === null ? anyEventProperties(context) : context.catalog.events.get(event);
  // nothing can be known about an unknown event's properties: the warning about the event says it all
  if (properties !== undefined) {
    const near = nearest(context, field.name, properties.keys());
    const hint = near === null ? undefined : `did you mean \`${printPath({ ...field, name: near })}\`?`;
    const of = event === null ? 'any event' : `the event ${JSON.stringify(event)}`;
    warnOnce(context, `property ${id}`, 'unknown_property', `nobody has sent \`${printPath(field)}\` of ${of} yet`, field.place, hint);
  }
  return variable;
}

// a snapshot never changes, and a rule may name hundreds of properties that nobody has sent
const propertiesOfAnyEvent = new WeakMap<Catalog, ReadonlyMap<string, ValueType>>();

function anyEventProperties({ catalog }: CheckContext): ReadonlyMap<string, ValueType> {
  const known = propertiesOfAnyEvent.get(catalog);
  if (known !== undefined) return known;
  const properties = new Map([...catalog.events.values()].flatMap((ofOne) => [...ofOne]));
  propertiesOfAnyEvent.set(catalog, properties);
  return properties;
}

function isScore(name: string): boolean {
  return name.startsWith('score.');
}

function tellScore(context: CheckContext, field: FieldExpression): null {
  tellError(context, 'not_available', `scores (\`${printPath(field)}\`) are not available yet`, field.place);
  return null;
}

function tellUnknown(context: CheckContext, field: FieldExpression, scope: Scope, hint: string | undefined): void {
  const of = scope === 'customers' ? '' : ` of ${scope}`;
  tellError(context, 'unknown_field', `unknown field \`${printPath(field)}\`${of}`, field.place, hint);
}

function fieldNames(scope: Scope): readonly string[] {
  return BUILT_IN_FIELDS.filter((row) => row.scope === scope).map((row) => row.name);
}

function customerFieldHint(context: CheckContext, name: string, onRight: boolean): string | undefined {
  if (isNothing(name)) return 'for "has no value" write `is missing`';
  if (context.catalog.attributes.has(name))
    return `it is a custom attribute; write \`${printPath({ kind: 'attribute', name, place: { pointer: '' } })}\``;
  const [first = '', ...rest] = name.split('.');
  const [only = '', ...more] = rest;
  if (isRowScope(first) && more.length === 0 && aggregateFunction(only) !== undefined)
    return `write ${only}(${only === 'count' ? first : `${first}.FIELD`})`;
  if (isRowScope(first) && rest.length > 0) return `write ${aggregateOf(first, rest.join('.'))}`;
  if (isRowScope(first)) return `write count(${first})`;
  if (first === 'attributes' || first === 'consent') return `write \`${first}.NAME\``;
  const near = nearest(context, name, [...fieldNames('customers'), ...context.catalog.attributes.keys()]);
  if (near !== null)
    return `did you mean \`${context.catalog.attributes.has(near) && !builtInField('customers', near) ? `attributes.${near}` : near}\`?`;
  const row = (['orders', 'items', 'events'] as const).find((scope) => builtInField(scope, name) !== undefined);
  if (row !== undefined) return `that is a field of ${row}; write ${aggregateOf(row, name)}`;
  return onRight && !name.includes('.') ? `a string stands in double quotes: ${JSON.stringify(name)}` : undefined;
}

function rowFieldHint(context: CheckContext, name: string, scope: NonNullable<RowScope>, onRight: boolean): string | undefined {
  if (isNothing(name)) return 'for "has no value" write `is missing`';
  if (name.startsWith(`${scope.kind}.`)) return `write \`${name.slice(scope.kind.length + 1)}\`: fields here are those of ${scope.kind}`;
  if (builtInField('customers', name) !== undefined)
    return 'that is a field of the customer; ask it outside of the aggregate, joined by `and`';
  if (scope.kind === 'events') {
    const properties = scope.event === null ? anyEventProperties(context) : context.catalog.events.get(scope.event);
    if (properties?.has(name)) return `write \`${printPath({ kind: 'property', name, place: { pointer: '' } })}\``;
  }
  const near = nearest(context, name, fieldNames(scope.kind));
  if (near !== null) return `did you mean \`${near}\`?`;
  if (scope.kind === 'events') return `what an event carries is written \`properties.${name.length > 40 ? 'NAME' : name}\``;
  const other = (['orders', 'items'] as const).find((row) => row !== scope.kind && builtInField(row, name) !== undefined);
  if (other !== undefined) return `that is a field of ${other}`;
  if (onRight && !name.includes('.')) return `a string stands in double quotes: ${JSON.stringify(name)}`;
  return `the fields are ${fieldNames(scope.kind).join(', ')}`;
}

const NOTHING: ReadonlySet<string> = new Set(['null', 'nil', 'none', 'undefined', 'missing', 'empty']);

function isNothing(name: string): boolean {
  return NOTHING.has(name.toLowerCase());
}

function isRowScope(name: string): name is 'orders' | 'items' | 'events' {
  return name === 'orders' || name === 'items' || name === 'events';
}

/** The aggregate that a marketer most likely means by a row's field. */
function aggregateOf(scope: 'orders' | 'items' | 'events', name: string): string {
  const type = builtInField(scope, name)?.type;
  const row = AGGREGATE_FUNCTIONS.find((known) => known.name === (type === 'number' ? 'sum' : type === 'timestamp' ? 'last' : 'first'));
  return `${row?.name ?? 'first'}(${scope}.${name})`;
}
