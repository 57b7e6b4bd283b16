// In charge of a span of time as rules write it: the last so many days, a calendar period, since, before, between.
import { useTexts } from '../../texts/texts.tsx';
import { DurationField } from './duration-field.tsx';
import { InstantField } from './instant-field.tsx';
import { isJson, type Json } from './rule-json.ts';

const PERIODS = [
  'today',
  'yesterday',
  'this_week',
  'this_month',
  'this_quarter',
  'this_year',
  'last_week',
  'last_month',
  'last_quarter',
  'last_year',
] as const;
const KINDS = ['last', 'in', 'since', 'before', 'between'] as const;
type Kind = (typeof KINDS)[number];
const FIRST: Readonly<Record<Kind, Json>> = {
  last: { last: '30d' },
  in: { in: 'this_month' },
  since: { since: { ago: '30d' } },
  before: { before: { ago: '30d' } },
  between: { between: [{ ago: '60d' }, { ago: '30d' }] },
};

interface Props {
  /** null: at any time */
  readonly window: Json | null;
  readonly canBeNone?: boolean;
  readonly onChange: (window: Json | null) => void;
}

export function WindowField({ window, canBeNone = false, onChange }: Props) {
  const { editor } = useTexts();
  const words = editor.builder;
  const kind = window === null ? null : (KINDS.find((name) => name in window) ?? 'last');
  return (
    <span className="window">
      <select
        aria-label={words.window}
        value={kind ?? ''}
        onChange={(event) => onChange(event.target.value === '' ? null : FIRST[event.target.value as Kind])}
      >
        {canBeNone ? <option value="">{words.noWindow}</option> : null}
        {KINDS.map((each) => (
          <option key={each} value={each}>
            {words[`${each}Window`]}
          </option>
        ))}
      </select>
      {window === null || kind === null ? null : <WindowValue kind={kind} window={window} onChange={onChange} />}
    </span>
  );
}

function WindowValue({
  kind,
  window,
  onChange,
}: {
  readonly kind: Kind;
  readonly window: Json;
  readonly onChange: (window: Json) => void;
}) {
  const { editor } = useTexts();
  const words = editor.builder;
  if (kind === 'last') return <DurationField duration={String(window['last'])} onChange={(last) => onChange({ last })} />;
  if (kind === 'in')
    return (
      <select aria-label={words.window} value={String(window['in'])} onChange={(event) => onChange({ in: event.target.value })}>
        {PERIODS.map((period) => (
          <option key={period} value={period}>
            {words.periods[period]}
          </option>
        ))}
      </select>
    );
  if (kind === 'between') {
    const [from, to] = window['between'] as readonly [Json, Json];
    return (
      <>
        <InstantField label={words.from} instant={from} onChange={(next) => onChange({ between: [next, to] })} />
        <InstantField label={words.to} instant={to} onChange={(next) => onChange({ between: [from, next] })} />
      </>
    );
  }
  return <InstantField label={words.window} instant={window[kind] as Json} onChange={(next) => onChange({ [kind]: next })} />;
}

type Day = 'today' | 'next' | 'last' | 'this_month' | 'next_month';

interface AnniversaryProps {
  readonly window: unknown;
  readonly onChange: (window: unknown) => void;
}

/** When the day comes round each year. */
export function AnniversaryField({ window, onChange }: AnniversaryProps) {
  const { editor } = useTexts();
  const words = editor.builder;
  const day = dayOf(window);
  const choose = (next: Day) => {
    if (next === 'today') return onChange('today');
    return onChange(next === 'next' || next === 'last' ? { [next]: '7d' } : { in: next });
  };
  const texts: Readonly<Record<Day, string>> = {
    today: words.periods.today,
    next: words.nextWindow,
    last: words.lastWindow,
    this_month: words.periods.this_month,
    next_month: words.periods.next_month,
  };
  return (
    <span className="window">
      <select aria-label={words.window} value={day} onChange={(event) => choose(event.target.value as Day)}>
        {Object.entries(texts).map(([name, text]) => (
          <option key={name} value={name}>
            {text}
          </option>
        ))}
      </select>
      {isJson(window) && (day === 'next' || day === 'last') ? (
        <DurationField duration={String(window[day])} units={['d', 'w']} onChange={(duration) => onChange({ [day]: duration })} />
      ) : null}
    </span>
  );
}

function dayOf(window: unknown): Day {
  if (!isJson(window)) return 'today';
  if ('in' in window) return window['in'] as Day;
  return 'next' in window ? 'next' : 'last';
}
