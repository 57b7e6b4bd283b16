// In charge of `#/audit`: who did what, when, from where, with the state before and after. Filters are part of the place, so that it can be sent
// to somebody.
import { type FormEvent, useState } from 'react';
import { usePages } from '../api/use-pages.ts';
import type { ViewProps } from '../page.tsx';
import { Field, TextField } from '../parts/field.tsx';
import { instantOf, localOf } from '../parts/local-instant.ts';
import { Pager } from '../parts/pager.tsx';
import { Empty, Shown } from '../parts/reading.tsx';
import { changeQuery, type Place } from '../route.ts';
import { useFormats, useTexts } from '../texts/texts.tsx';
import { BeforeAfter } from './audit/before-after.tsx';
import './operations.css';

interface Payload {
  readonly kept: boolean;
  readonly content: Readonly<Record<string, unknown>> | null;
}

interface Entry {
  readonly position: string;
  readonly id: string;
  readonly at: string;
  readonly actor: string;
  readonly address: string | null;
  readonly requestId: string;
  readonly action: string;
  readonly outcome: Outcome;
  readonly target: string | null;
  readonly payloads: readonly Payload[];
  readonly payloadCount: number;
  readonly chain: string;
}

const PAGE = 50;
const OUTCOMES = ['written', 'begun', 'read', 'refused'] as const;
type Outcome = (typeof OUTCOMES)[number];
const TEXT_FILTERS = ['actor', 'action', 'target', 'customer'] as const;
const FILTERS = [...TEXT_FILTERS, 'outcome', 'from', 'until'] as const;
type Filter = Readonly<Record<(typeof FILTERS)[number], string>>;

export default function Audit({ place }: ViewProps) {
  const { audit: texts } = useTexts();
  const filter = readFilter(place);
  const query = Object.fromEntries(FILTERS.map((name) => [name, filter[name] === '' ? undefined : filter[name]]));
  const pages = usePages<Entry>('/v1/audit', { limit: PAGE, ...query });
  return (
    <>
      <header className="view-head">
        <h1>{texts.title}</h1>
      </header>
      <div className="stack">
        <Filters key={JSON.stringify(filter)} place={place} filter={filter} />
        <section className="card" aria-label={texts.title}>
          <Shown read={pages.read}>
            {({ data }) =>
              data.length === 0 ? (
                <Empty title={texts.none} />
              ) : (
                <ul className="plain lines">
                  {data.map((entry) => (
                    <EntryLine key={entry.id} entry={entry} />
                  ))}
                </ul>
              )
            }
          </Shown>
          <Pager pages={pages} />
        </section>
      </div>
    </>
  );
}

function readFilter({ query }: Place): Filter {
  return Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? ''])) as Filter;
}

function Filters({ place, filter }: { readonly place: Place; readonly filter: Filter }) {
  const { audit: texts, action } = useTexts();
  const [wished, setWished] = useState({ ...filter, from: localOf(filter.from, 'minutes'), until: localOf(filter.until, 'minutes') });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const values = { ...wished, from: instantOf(wished.from) ?? '', until: instantOf(wished.until) ?? '' };
    changeQuery(place, Object.fromEntries(FILTERS.map((name) => [name, values[name].trim() === '' ? null : values[name].trim()])));
  };
  const isFiltered = FILTERS.some((name) => filter[name] !== '');
  return (
    <search>
      <form className="card filters" onSubmit={submit}>
        {TEXT_FILTERS.map((name) => (
          <TextField key={name} label={texts[name]} value={wished[name]} onValue={(value) => setWished({ ...wished, [name]: value })} />
        ))}
        <Field label={texts.outcome}>
          {(ids) => (
            <select {...ids} value={wished.outcome} onChange={(event) => setWished({ ...wished, outcome: event.target.value })}>
              <option value="">{texts.any}</option>
              {OUTCOMES.map((outcome) => (
                <option key={outcome} value={outcome}>
                  {texts.outcomes[outcome]}
                </option>
              ))}
            </select>
          )}
        </Field>
        <TextField label={texts.from} type="datetime-local" value={wished.from} onValue={(from) => setWished({ ...wished, from })} />
        <TextField label={texts.until} type="datetime-local" value={wished.until} onValue={(until) => setWished({ ...wished, until })} />
        <div className="actions">
          <button type="submit" className="primary">
            {action.search}
          </button>
          {isFiltered ? (
            <button type="button" onClick={() => changeQuery(place, Object.fromEntries(FILTERS.map((name) => [name, null])))}>
              {action.clear}
            </button>
          ) : null}
        </div>
      </form>
    </search>
  );
}

const LOOK = { written: 'active', begun: 'building', read: 'draft', refused: 'failed' } as const;

function EntryLine({ entry }: { readonly entry: Entry }) {
  const { audit: texts } = useTexts();
  const formats = useFormats();
  const { at, actor, action, outcome, target, address, requestId, payloads, payloadCount, position, chain } = entry;
  const hidden = payloadCount - payloads.length;
  return (
    <li>
      <details>
        <summary>
          <time dateTime={at}>{formats.instant(at)}</time>
          <span className="line-main">
            <bdi>{actor}</bdi> <code>{action}</code> {target === null ? null : <bdi className="quiet">{target}</bdi>}
          </span>
          <span className={`status status-${LOOK[outcome]}`}>{texts.outcomes[outcome]}</span>
        </summary>
        <div className="line-more">
          {payloads.map((payload, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: payloads have no name and never move
            <BeforeAfter key={index} payload={payload} />
          ))}
          {hidden > 0 ? <p className="quiet">{texts.morePayloads(formats.count(hidden))}</p> : null}
          <dl className="facts">
            <div>
              <dt>{texts.address}</dt>
              <dd className="mono">{address ?? '–'}</dd>
            </div>
            <div>
              <dt>{texts.request}</dt>
              <dd className="mono">{requestId}</dd>
            </div>
            <div>
              <dt>{texts.chain(position)}</dt>
              <dd className="mono">{chain}</dd>
            </div>
          </dl>
        </div>
      </details>
    </li>
  );
}
