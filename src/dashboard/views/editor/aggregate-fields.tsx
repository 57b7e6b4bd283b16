// In charge of what is computed from a customer's orders, items or events: the function, its field, the event, the filter and the time.
import { useTexts } from '../../texts/texts.tsx';
import { entriesOf, eventNames, eventOf, type Ground, newCondition, sourceOf } from './condition.ts';
import { fieldLabel } from './field-label.ts';
import { isJson, type Json, type ValueType } from './rule-json.ts';
import { WindowField } from './window-field.tsx';

/** By function, the types of field that it takes; count takes none here. */
const FUNCTIONS: Readonly<Record<string, readonly ValueType[]>> = {
  count: [],
  sum: ['number'],
  avg: ['number'],
  min: ['number', 'date', 'timestamp'],
  max: ['number', 'date', 'timestamp'],
  first: ['string', 'number', 'boolean', 'date', 'timestamp', 'list'],
  last: ['string', 'number', 'boolean', 'date', 'timestamp', 'list'],
  distinct: ['string', 'number', 'boolean', 'date', 'timestamp'],
};
const TIME_FIELD = { orders: 'placed_at', items: 'placed_at', events: 'occurred_at', customers: 'created_at' } as const;

interface Props {
  readonly aggregate: Json;
  readonly ground: Ground;
  readonly onChange: (aggregate: Json) => void;
}

export function AggregateFields({ aggregate, ground, onChange }: Props) {
  const { editor } = useTexts();
  const words = editor.builder;
  const name = String(aggregate['aggregate']);
  const own = { ...ground, scope: sourceOf(aggregate), event: eventOf(aggregate) };
  const choose = (next: string) => {
    const { field: _before, ...rest } = aggregate;
    const field = fieldFor(next, aggregate['field'], own);
    onChange({ ...rest, aggregate: next, ...(field === null ? {} : { field }) });
  };
  return (
    <>
      <select aria-label={words.aggregate} value={name} onChange={(event) => choose(event.target.value)}>
        {Object.keys(FUNCTIONS).map((each) => (
          <option key={each} value={each}>
            {words[each as 'count']}
          </option>
        ))}
      </select>
      {own.scope === 'events' ? <EventField aggregate={aggregate} ground={ground} onChange={onChange} /> : null}
      {'field' in aggregate || name !== 'count' ? <FieldChoice aggregate={aggregate} ground={own} onChange={onChange} /> : null}
      <WindowField
        window={isJson(aggregate['window']) ? aggregate['window'] : null}
        canBeNone
        onChange={(window) => {
          const { window: _before, ...rest } = aggregate;
          onChange(window === null ? rest : { ...rest, window });
        }}
      />
    </>
  );
}

function EventField({ aggregate, ground: { vocabulary }, onChange }: Props) {
  const { editor } = useTexts();
  const event = eventOf(aggregate);
  const known = eventNames(vocabulary);
  const names = event === null || known.includes(event) ? known : [...known, event];
  return (
    <select
      aria-label={editor.builder.event}
      value={event ?? ''}
      onChange={({ target }) => onChange({ ...aggregate, of: target.value === '' ? 'events' : { events: target.value } })}
    >
      <option value="">{editor.builder.anyEvent}</option>
      {names.map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  );
}

function FieldChoice({ aggregate, ground, onChange }: Props) {
  const { editor } = useTexts();
  const field = String(aggregate['field'] ?? '');
  const types = FUNCTIONS[String(aggregate['aggregate'])] ?? [];
  const fitting = entriesOf(ground).filter(({ type }) => types.length === 0 || types.includes(type));
  return (
    <select aria-label={editor.builder.ofField} value={field} onChange={(event) => onChange({ ...aggregate, field: event.target.value })}>
      {fitting.some(({ path }) => path === field) ? null : <option value={field}>{field === '' ? editor.builder.choose : field}</option>}
      {fitting.map(({ path, kind, name }) => (
        <option key={path} value={path}>
          {fieldLabel(kind, name, editor.builder)}
        </option>
      ))}
    </select>
  );
}

/** Adds a filter if there is none yet. */
export function FilterButton({ aggregate, ground, onChange }: Props) {
  const { editor } = useTexts();
  const own = { ...ground, scope: sourceOf(aggregate), event: eventOf(aggregate) };
  const entries = entriesOf(own);
  const first = entries.find(({ path }) => path === 'status' || path.startsWith('properties.')) ?? entries[0];
  if (first === undefined || 'where' in aggregate) return null;
  return (
    <button
      type="button"
      className="link-button"
      onClick={() => onChange({ ...aggregate, where: newCondition(`${first.kind}:${first.name}`, own) })}
    >
      {editor.builder.addWhere}
    </button>
  );
}

/** Keeps the field if the function takes it; otherwise chooses the one that is most likely meant. */
function fieldFor(name: string, current: unknown, ground: Ground): string | null {
  if (name === 'count') return null;
  const types = FUNCTIONS[name] ?? [];
  const fitting = entriesOf(ground).filter(({ type }) => types.includes(type));
  if (fitting.some(({ path }) => path === current)) return String(current);
  const usual = types.includes('timestamp') && name !== 'distinct' ? TIME_FIELD[ground.scope] : 'total';
  return (fitting.find(({ path }) => path === usual) ?? fitting[0])?.path ?? '';
}
