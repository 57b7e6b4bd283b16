// In charge of an instant or a date as rules write it: fixed, some time ago, some time from now, today, now.
import { nowMs } from '../../clock.ts';
import { localOf } from '../../parts/local-instant.ts';
import { useTexts } from '../../texts/texts.tsx';
import { DurationField } from './duration-field.tsx';
import type { Json } from './rule-json.ts';

type Kind = 'date' | 'timestamp' | 'ago' | 'from_now' | 'today' | 'now';

interface Props {
  readonly label: string;
  readonly instant: Json;
  /** a date, for which neither a time of day nor `now` fits */
  readonly isDate?: boolean;
  readonly onChange: (instant: Json) => void;
}

export function InstantField({ label, instant, isDate = false, onChange }: Props) {
  const { editor } = useTexts();
  const kind = kindOf(instant);
  const kinds: readonly Kind[] = isDate ? ['date', 'ago', 'from_now', 'today'] : ['date', 'timestamp', 'ago', 'from_now', 'today', 'now'];
  const words = editor.builder.instants;
  return (
    <span className="instant">
      {kind === 'ago' || kind === 'from_now' ? (
        <DurationField
          duration={String(instant[kind])}
          units={isDate ? ['d', 'w'] : ['m', 'h', 'd', 'w']}
          onChange={(duration) => onChange({ [kind]: duration })}
        />
      ) : null}
      {kind === 'date' ? (
        <input
          type="date"
          aria-label={label}
          value={String(instant['date'])}
          onChange={(event) => onChange({ date: event.target.value })}
        />
      ) : null}
      {kind === 'timestamp' ? (
        <input
          type="datetime-local"
          aria-label={label}
          step="1"
          value={localOf(String(instant['timestamp']), 'seconds')}
          onChange={(event) => event.target.value !== '' && onChange({ timestamp: new Date(event.target.value).toISOString() })}
        />
      ) : null}
      <select aria-label={editor.builder.instant} value={kind} onChange={(event) => onChange(firstOf(event.target.value as Kind))}>
        {(kinds.includes(kind) ? kinds : [...kinds, kind]).map((each) => (
          <option key={each} value={each}>
            {words[each]}
          </option>
        ))}
      </select>
    </span>
  );
}

function kindOf(instant: Json): Kind {
  if ('at' in instant) return instant['at'] === 'now' ? 'now' : 'today';
  return (['date', 'timestamp', 'ago', 'from_now'] as const).find((name) => name in instant) ?? 'ago';
}

function firstOf(kind: Kind): Json {
  if (kind === 'today' || kind === 'now') return { at: kind };
  if (kind === 'ago' || kind === 'from_now') return { [kind]: '30d' };
  const now = new Date(nowMs()).toISOString();
  return kind === 'date' ? { date: now.slice(0, 10) } : { timestamp: `${now.slice(0, 16)}:00Z` };
}
