// In charge of the fields of one condition that follow its field: what is computed of orders, items or events, the comparison, and the value.
import type { ValueEditorProps } from 'react-querybuilder';
import { SegmentOptions } from '../../parts/segment-select.tsx';
import { useTexts } from '../../texts/texts.tsx';
import { AggregateFields, FilterButton } from './aggregate-fields.tsx';
import type { BuilderContext } from './builder.tsx';
import { bare, type Ground, operatorName, operatorsOf, typeOf, typeOfOperand, valuesOf, withOperator } from './condition.ts';
import { ListField, OperandField } from './operand-field.tsx';
import { isJson, type Json, type ValueType } from './rule-json.ts';
import { MistakeWords } from './rule-text.tsx';
import { AnniversaryField, WindowField } from './window-field.tsx';

export function ConditionEditor({ value, handleOnChange, rule, context }: ValueEditorProps) {
  const { ground, errors, pointers, nested } = context as BuilderContext;
  const { editor } = useTexts();
  if (!isJson(value)) return null;
  const pointer = pointers.get(rule.id ?? '') ?? '';
  const own = errors.filter((error) => error.pointer === pointer || error.pointer?.startsWith(`${pointer}/`) === true);
  const { isNegated, condition } = bare(value);
  const change = (next: Json) => handleOnChange(isNegated ? { not: next } : next);
  const left = condition['left'];
  const aggregate = isJson(left) && 'aggregate' in left ? left : null;
  const where = aggregate?.['where'];
  const inside = aggregate === null ? null : `${pointer}${isNegated ? '/not' : ''}/left/where`;
  const above = own.filter((error) => inside === null || error.pointer?.startsWith(inside) !== true);
  return (
    <div className="condition">
      {'segment' in condition ? <SegmentFields value={value} ground={ground} onChange={handleOnChange} /> : null}
      {aggregate === null ? null : (
        <AggregateFields aggregate={aggregate} ground={ground} onChange={(next) => change({ ...condition, left: next })} />
      )}
      {isJson(left) && 'bucket' in left ? <SaltField left={left} onChange={(next) => change({ ...condition, left: next })} /> : null}
      {isJson(left) ? <Comparison value={value} ground={ground} onChange={handleOnChange} /> : null}
      {aggregate === null ? null : (
        <FilterButton aggregate={aggregate} ground={ground} onChange={(next) => change({ ...condition, left: next })} />
      )}
      {aggregate !== null && isJson(where) ? (
        <Where
          key={JSON.stringify(aggregate['of'])}
          nested={nested}
          aggregate={aggregate}
          where={where}
          ground={ground}
          errors={own}
          pointer={inside ?? ''}
          onChange={(next) => change({ ...condition, left: next })}
        />
      ) : null}
      {above.map(({ code, detail, hint, pointer: place = '' }) =>
        isLeftOut(value, place.slice(pointer.length)) ? (
          <p key={place} className="field-problem">
            {editor.builder.fillIn}
          </p>
        ) : (
          <MistakeWords key={detail} code={code} detail={detail} hint={hint} />
        ),
      )}
    </div>
  );
}

/** If all that the service refuses there is that nothing was written yet, this is said, instead of the words of the JSON form. */
function isLeftOut(value: Json, path: string): boolean {
  const parts = path.split('/').filter(Boolean);
  const found = parts.reduce<unknown>((at, part) => (typeof at === 'object' && at !== null ? (at as Json)[part] : undefined), value);
  const isEmptyList = Array.isArray(found) && found.length === 0;
  const isUnitAlone = typeof found === 'string' && /^[smhdw]?$/.test(found);
  return found === null || isEmptyList || isUnitAlone || (isJson(found) && found['segment'] === '');
}

interface FieldsProps {
  readonly value: Json;
  readonly ground: Ground;
  readonly onChange: (value: Json) => void;
}

function SegmentFields({ value, ground: { vocabulary }, onChange }: FieldsProps) {
  const { editor } = useTexts();
  const { isNegated, condition } = bare(value);
  const key = String(condition['segment']);
  return (
    <>
      <select
        aria-label={editor.builder.operator}
        value={isNegated ? 'not' : 'in'}
        onChange={(event) => onChange(event.target.value === 'not' ? { not: condition } : condition)}
      >
        <option value="in">{editor.builder.inSegment}</option>
        <option value="not">{editor.builder.notInSegment}</option>
      </select>
      <SegmentOptions
        label={editor.builder.segment}
        segments={vocabulary.segments}
        value={key}
        onValue={(segment) => onChange(isNegated ? { not: { segment } } : { segment })}
        none={editor.builder.choose}
      />
    </>
  );
}

function SaltField({ left, onChange }: { readonly left: Json; readonly onChange: (left: Json) => void }) {
  const { editor } = useTexts();
  return (
    <input
      type="text"
      className="short"
      aria-label={editor.builder.salt}
      value={String(left['bucket'])}
      onChange={(event) => onChange({ bucket: event.target.value })}
    />
  );
}

function Comparison({ value, ground, onChange }: FieldsProps) {
  const { editor } = useTexts();
  const { isNegated, condition } = bare(value);
  const left = condition['left'] as Json;
  const type = typeOf(left, ground) ?? typeOfOperand(condition);
  const name = operatorName(value);
  const isTime = type === 'date' || type === 'timestamp';
  const { operators, timeOperators } = editor.builder;
  const word = (op: string) =>
    (isTime ? timeOperators[op as keyof typeof timeOperators] : undefined) ?? operators[op as keyof typeof operators] ?? op;
  return (
    <>
      <select
        aria-label={editor.builder.operator}
        value={name}
        onChange={(event) => onChange(withOperator(value, event.target.value, type))}
      >
        {operatorsOf(type, ground, name).map((op) => (
          <option key={op} value={op}>
            {word(op)}
          </option>
        ))}
      </select>
      <Operands
        condition={condition}
        type={type}
        values={valuesOf(left, ground)}
        onChange={(next) => onChange(isNegated ? { not: next } : next)}
      />
    </>
  );
}

interface OperandsProps {
  readonly condition: Json;
  readonly type: ValueType;
  readonly values: readonly string[];
  readonly onChange: (condition: Json) => void;
}

function Operands({ condition, type, values, onChange }: OperandsProps) {
  const { editor } = useTexts();
  const operand = (name: string, label: string) => (
    <OperandField
      key={name}
      label={label}
      type={type}
      operand={condition[name]}
      values={values}
      onChange={(next) => onChange({ ...condition, [name]: next })}
    />
  );
  switch (condition['op']) {
    case 'missing':
      return null;
    case 'between':
      return (
        <>
          {operand('low', editor.builder.from)}
          {operand('high', editor.builder.to)}
        </>
      );
    case 'in':
    case 'has_any':
    case 'has_all':
      return (
        <ListField
          type={type === 'list' ? 'string' : type}
          list={condition['values'] as readonly unknown[]}
          values={values}
          onChange={(next) => onChange({ ...condition, values: next })}
        />
      );
    case 'within':
      return (
        <WindowField
          window={condition['window'] as Json}
          onChange={(next) => onChange({ ...condition, window: next ?? { last: '30d' } })}
        />
      );
    case 'anniversary':
      return <AnniversaryField window={condition['window']} onChange={(next) => onChange({ ...condition, window: next })} />;
    case 'contains':
    case 'starts_with':
    case 'ends_with':
      return operand('value', editor.builder.value);
    default:
      return operand('right', editor.builder.value);
  }
}

interface WhereProps {
  readonly nested: BuilderContext['nested'];
  readonly aggregate: Json;
  readonly where: Json;
  readonly ground: Ground;
  readonly errors: BuilderContext['errors'];
  readonly pointer: string;
  readonly onChange: (aggregate: Json) => void;
}

function Where({ nested: Builder, aggregate, where, ground, errors, pointer, onChange }: WhereProps) {
  const { editor } = useTexts();
  const { of, where: _before, ...rest } = aggregate;
  return (
    <fieldset className="where">
      <legend>
        {editor.builder.where}
        <button type="button" className="link-button" onClick={() => onChange({ of, ...rest })}>
          {editor.builder.removeWhere}
        </button>
      </legend>
      <Builder
        first={where}
        scope={isJson(of) ? 'events' : (of as Ground['scope'])}
        event={isJson(of) ? String(of['events']) : null}
        vocabulary={ground.vocabulary}
        errors={errors}
        pointer={pointer}
        onChange={(next) => onChange({ of, ...rest, ...(next === null ? {} : { where: next }) })}
      />
    </fieldset>
  );
}
