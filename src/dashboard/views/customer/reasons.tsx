// In charge of saying in words why a customer is in a segment, what is missing if it is not, and when that changes without anybody doing
// anything.
import { useFormats, useTexts } from '../../texts/texts.tsx';
import { type Explanation, holding, type Missing, type Node, type Value } from './explanation.ts';
import { printValue } from './profile.tsx';

const SHOWN = 5;

export function Reasons({ explanation }: { readonly explanation: Explanation }) {
  const { explanation: texts } = useTexts();
  const { member, because, tree, missing, group, note } = explanation;
  return (
    <div className="reasons">
      {explanation.pins.map((pin) => (
        <PinWords key={pin.pinnedAt} pin={pin} />
      ))}
      {because === 'manual' ? <p>{member ? texts.manualIn : texts.manualOut}</p> : null}
      {because === 'group' && group !== null ? <p>{groupWords(explanation, group, texts)}</p> : null}
      {because === 'rule' && member && tree !== null ? <Holding nodes={holding(tree)} /> : null}
      {!member && missing.length > 0 ? <MissingList missing={missing} /> : null}
      {note === null ? null : <p className="quiet">{note}</p>}
      <NextChange explanation={explanation} />
    </div>
  );
}

function groupWords(
  { member }: Explanation,
  group: NonNullable<Explanation['group']>,
  texts: ReturnType<typeof useTexts>['explanation'],
): string {
  const winner = group.segments.find((segment) => segment.member)?.key;
  if (member) return texts.otherwise(group.name);
  return winner === undefined ? texts.groupNone(group.name) : texts.groupOther(group.name, winner);
}

function PinWords({ pin }: { readonly pin: Explanation['pins'][number] }) {
  const { explanation: texts } = useTexts();
  const formats = useFormats();
  return (
    <p>
      {pin.include ? texts.pinnedIn(pin.actor, formats.day(pin.pinnedAt)) : texts.pinnedOut(pin.actor, formats.day(pin.pinnedAt))}
      {pin.reason === null ? null : (
        <>
          {' '}
          <q>
            <bdi>{pin.reason}</bdi>
          </q>
        </>
      )}{' '}
      {pin.until === null ? null : texts.pinUntil(formats.instant(pin.until))}
    </p>
  );
}

function Holding({ nodes }: { readonly nodes: readonly Node[] }) {
  const { explanation: texts } = useTexts();
  const seen = useValue();
  return (
    <ul className="plain conditions">
      {nodes.slice(0, SHOWN).map((node) => (
        <li key={node.text}>
          <code>{node.text}</code>
          {node.seen == null ? null : <small className="seen">{texts.is(seen(node.seen))}</small>}
        </li>
      ))}
      {nodes.length > SHOWN ? <li className="quiet">{texts.andMore(nodes.length - SHOWN)}</li> : null}
    </ul>
  );
}

function MissingList({ missing }: { readonly missing: readonly Missing[] }) {
  return (
    <ul className="plain conditions">
      {missing.slice(0, SHOWN).map((each, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: alternatives have no name, and the list is shown as it came
        <li key={index}>{each.anyOf === null ? <OneMissing missing={each} /> : <AnyOf alternatives={each.anyOf} />}</li>
      ))}
    </ul>
  );
}

function AnyOf({ alternatives }: { readonly alternatives: readonly (readonly Missing[])[] }) {
  const { explanation: texts } = useTexts();
  return (
    <>
      <small>{texts.anyOf}</small>
      {alternatives.slice(0, SHOWN).map((parts, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the same here
        <div key={index} className="alternative">
          <MissingList missing={parts} />
        </div>
      ))}
    </>
  );
}

function OneMissing({ missing }: { readonly missing: Missing }) {
  const { explanation: texts } = useTexts();
  const print = useValue();
  const formats = useFormats();
  const { condition, have, need, short, unit, sentence } = missing;
  const distance = short === null || unit === null ? null : texts.short[unit](formats.decimal(inUnit(short, unit)));
  const words =
    need === null || have === null
      ? (sentence ?? '')
      : texts.missing(sentence, print(have), `${need.operator} ${print(need.value)}`, distance);
  return (
    <>
      {words === condition ? null : (
        <span className="missing">
          {words} <Meter missing={missing} />
        </span>
      )}
      <code>{condition}</code>
    </>
  );
}

function inUnit(short: string, unit: 'number' | 'days' | 'seconds'): number {
  return unit === 'seconds' ? Math.ceil(Number(short) / 86_400) : Number(short);
}

/** How far the customer has come, if that can be measured; it only illustrates the figures. */
function Meter({ missing: { have, need, unit } }: { readonly missing: Missing }) {
  if (unit !== 'number' || have?.value == null || !need?.operator.startsWith('>')) return null;
  const share = Number(have.value) / Number(need.value.value);
  if (!Number.isFinite(share)) return null;
  return (
    <span className="meter" aria-hidden="true">
      <span style={{ width: `${Math.min(1, Math.max(0, share)) * 100}%` }} />
    </span>
  );
}

function NextChange({ explanation: { nextChangeAt, next } }: { readonly explanation: Explanation }) {
  const { explanation: texts } = useTexts();
  const formats = useFormats();
  if (next.kind === 'unknown' && next.after !== null) return <p className="next">{texts.nextUnknown(formats.instant(next.after))}</p>;
  if (nextChangeAt === null) return null;
  const when = `${formats.distance(nextChangeAt)} (${formats.instant(nextChangeAt)})`;
  return <p className="next">{next.type === 'exited' ? texts.leaves(when) : texts.enters(when)}</p>;
}

/** A value as it is written in the language of the page. Decimals come as strings and are printed exactly. */
function useValue(): (value: Value) => string {
  const { customer, explanation: texts } = useTexts();
  const formats = useFormats();
  return ({ type, value }) => {
    if (value === null) return texts.missingValue;
    if (typeof value === 'boolean') return value ? customer.yes : customer.no;
    if (typeof value !== 'string') return printValue(value);
    if (type === 'number') return formats.decimal(value as unknown as number, 4);
    if (type === 'date') return formats.day(value);
    return type === 'timestamp' ? `${formats.instant(value)} (${formats.distance(value)})` : `“${value}”`;
  };
}
