// In charge of who entered and left, newest first; the filters are part of the place, so that what is shown can be sent to somebody.
import { pathOf } from '../../api/call.ts';
import { usePages } from '../../api/use-pages.ts';
import { Pager } from '../../parts/pager.tsx';
import { Empty, Shown } from '../../parts/reading.tsx';
import { Table } from '../../parts/table.tsx';
import { changeQuery, hrefOf, type Place } from '../../route.ts';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import type { Segment } from './segment.ts';

interface PastChange {
  readonly id: string;
  readonly type: 'entered' | 'exited' | 'pinned_in' | 'pinned_out' | 'released';
  readonly customerId: string | null;
  readonly version: number | null;
  readonly cause: string;
  readonly at: string;
  readonly since: string | null;
  readonly actor: string | null;
  readonly reason: string | null;
}

const FILTERS = ['type', 'cause', 'from', 'to', 'customer'] as const;

export function HistoryTab({ place, segment }: { readonly place: Place; readonly segment: Segment }) {
  const { segment: texts } = useTexts();
  const formats = useFormats();
  const query = queryOf(place.query);
  const pages = usePages<PastChange>(pathOf`/v1/segments/${segment.key}/history`, query, { live: true });
  const oldest = (pages.read.body as { readonly oldest?: string | null } | undefined)?.oldest ?? null;
  const isFiltered = FILTERS.some((name) => query[name] !== undefined);
  return (
    <section className="card" aria-label={texts.tabs.history}>
      <Filters place={place} />
      <Shown read={pages.read}>
        {({ data }) =>
          data.length === 0 && pages.back === null ? (
            <Empty title={isFiltered ? texts.history.noneFound : texts.history.none} />
          ) : (
            <>
              <ChangeTable rows={data} />
              <Pager pages={pages} />
            </>
          )
        }
      </Shown>
      {oldest === null ? null : <p className="quiet">{texts.history.oldest(formats.instant(oldest))}</p>}
    </section>
  );
}

function ChangeTable({ rows }: { readonly rows: readonly PastChange[] }) {
  const texts = useTexts();
  const formats = useFormats();
  const { history } = texts.segment;
  const word = (type: PastChange['type']) =>
    ({
      entered: texts.entered,
      exited: texts.exited,
      pinned_in: texts.segment.members.isIn,
      pinned_out: texts.segment.members.isOut,
      released: texts.cause.unpin,
    })[type];
  const detail = ({ version, since, actor, reason }: PastChange) => [
    ...(version === null ? [] : [history.version(formats.count(version))]),
    ...(since === null ? [] : [history.member(formats.instant(since))]),
    ...[actor, reason].filter((each) => each !== null),
  ];
  return (
    <Table
      label={texts.segment.tabs.history}
      columns={(['at', 'customer', 'change', 'cause', 'detail'] as const).map((name) => ({ text: history[name] }))}
    >
      {rows.map((row) => (
        <tr key={row.id}>
          <td>
            <time dateTime={row.at}>{formats.instant(row.at)}</time>
          </td>
          <th scope="row">
            {row.customerId === null ? (
              <span className="quiet">{history.erased}</span>
            ) : (
              <a href={hrefOf(['customers', row.customerId])}>
                <bdi>{row.customerId}</bdi>
              </a>
            )}
          </th>
          <td className={`change change-${row.type}`}>{word(row.type)}</td>
          <td>{texts.cause[row.cause as keyof typeof texts.cause] ?? row.cause}</td>
          <td>
            <small>
              <bdi>{detail(row).join(' · ')}</bdi>
            </small>
          </td>
        </tr>
      ))}
    </Table>
  );
}

function Filters({ place }: { readonly place: Place }) {
  const texts = useTexts();
  const { history } = texts.segment;
  const value = (name: (typeof FILTERS)[number]) => place.query.get(name) ?? '';
  const set = (name: (typeof FILTERS)[number]) => (event: { readonly target: { readonly value: string } }) =>
    changeQuery(place, { [name]: event.target.value === '' ? null : event.target.value });
  return (
    <fieldset className="filters">
      <legend className="visually-hidden">{history.filter}</legend>
      <label>
        {history.type}
        <select value={value('type')} onChange={set('type')}>
          <option value="">{history.anyType}</option>
          <option value="entered">{texts.entered}</option>
          <option value="exited">{texts.exited}</option>
        </select>
      </label>
      <label>
        {history.cause}
        <select value={value('cause')} onChange={set('cause')}>
          <option value="">{history.anyCause}</option>
          {Object.entries(texts.cause).map(([cause, text]) => (
            <option key={cause} value={cause}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <label>
        {history.from}
        <input type="date" value={value('from')} onChange={set('from')} />
      </label>
      <label>
        {history.to}
        <input type="date" value={value('to')} onChange={set('to')} />
      </label>
      <label>
        {history.customer}
        <input type="search" value={value('customer')} onChange={set('customer')} />
      </label>
    </fieldset>
  );
}

/** Days are the browser's: from the beginning of the first to the end of the last. */
function queryOf(query: URLSearchParams): Readonly<Record<string, string | number | undefined>> {
  const given = (name: string) => query.get(name) || undefined;
  return {
    limit: 50,
    type: given('type'),
    cause: given('cause'),
    from: dayStart(given('from'), 0),
    to: dayStart(given('to'), 1),
    customer: given('customer'),
  };
}

function dayStart(day: string | undefined, later: number): string | undefined {
  if (day === undefined) return undefined;
  const start = new Date(`${day}T00:00:00`);
  if (Number.isNaN(start.getTime())) return undefined;
  start.setDate(start.getDate() + later);
  return start.toISOString();
}
