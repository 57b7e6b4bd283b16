// In charge of what happened to a customer: orders, events and membership changes in one list, newest first. Three lists, each paged by its own
// cursors, are merged: the newest of their heads comes next, and a list is read further only when its head is needed.
import { useCallback, useEffect, useRef, useState } from 'react';
import { call, Problem, pathOf } from '../../api/call.ts';
import { Empty, Loading, ProblemNote } from '../../parts/reading.tsx';
import { hrefOf } from '../../route.ts';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import { printValue } from './profile.tsx';

const STEP = 25;
const KINDS = ['orders', 'events', 'history'] as const;
type Kind = (typeof KINDS)[number];

interface Order {
  readonly id: string;
  readonly status: string | null;
  readonly channel: string | null;
  readonly currency: string;
  readonly original: { readonly currency: string; readonly total: string | null } | null;
  readonly total: string;
  readonly placedAt: string;
  readonly items: readonly { readonly name: string | null; readonly productId: string | null; readonly quantity: string }[];
}

interface CustomerEvent {
  readonly id: string;
  readonly name: string;
  readonly occurredAt: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

interface PastChange {
  readonly id: string;
  readonly type: 'entered' | 'exited' | 'pinned_in' | 'pinned_out' | 'released';
  readonly segment: string;
  readonly cause: string;
  readonly at: string;
  readonly actor: string | null;
  readonly reason: string | null;
}

type Entry =
  | { readonly kind: 'orders'; readonly at: string; readonly row: Order }
  | { readonly kind: 'events'; readonly at: string; readonly row: CustomerEvent }
  | { readonly kind: 'history'; readonly at: string; readonly row: PastChange };

interface Source {
  readonly kind: Kind;
  readonly heads: Entry[];
  /** undefined: not read yet; null: at its end */
  after: string | null | undefined;
}

async function readOn(customerId: string, source: Source): Promise<void> {
  const { kind } = source;
  const query = { limit: STEP, after: source.after ?? undefined };
  const path = `${pathOf`/v1/customers/${customerId}`}/${kind}`;
  const { body } = await call<{ readonly data: readonly (Order | CustomerEvent | PastChange)[]; readonly next: string | null }>(
    'GET',
    path,
    {
      query,
    },
  );
  source.heads.push(...body.data.map((row) => entryOf(kind, row)));
  source.after = body.next;
}

function entryOf(kind: Kind, row: Order | CustomerEvent | PastChange): Entry {
  if (kind === 'orders') return { kind, at: (row as Order).placedAt, row: row as Order };
  if (kind === 'events') return { kind, at: (row as CustomerEvent).occurredAt, row: row as CustomerEvent };
  return { kind, at: (row as PastChange).at, row: row as PastChange };
}

/** → the next entries of all three, at most one step of them */
async function takeStep(customerId: string, sources: readonly Source[]): Promise<Entry[]> {
  const taken: Entry[] = [];
  while (taken.length < STEP) {
    await Promise.all(
      sources.map((source) => (source.heads.length === 0 && source.after !== null ? readOn(customerId, source) : undefined)),
    );
    const [newest] = sources
      .filter(({ heads }) => heads.length > 0)
      .sort((a, b) => ((a.heads[0]?.at ?? '') < (b.heads[0]?.at ?? '') ? 1 : -1));
    const entry = newest?.heads.shift();
    if (entry === undefined) break;
    taken.push(entry);
  }
  return taken;
}

interface Line {
  readonly entries: readonly Entry[] | undefined;
  readonly problem: Problem | undefined;
  readonly hasMore: boolean;
}

function useTimeline(customerId: string, kinds: string, turn: string) {
  const sources = useRef<Source[]>([]);
  const [line, setLine] = useState<Line>({ entries: undefined, problem: undefined, hasMore: false });
  const run = useRef(0);
  const busy = useRef<number | null>(null);
  const more = useCallback(
    async (isFirst: boolean) => {
      const mine = isFirst ? ++run.current : run.current;
      if (busy.current === mine) return; // pressed twice: the heads are being taken
      busy.current = mine;
      if (isFirst) sources.current = kinds.split(',').map((kind) => ({ kind: kind as Kind, heads: [], after: undefined }));
      const from = sources.current;
      try {
        const taken = await takeStep(customerId, from);
        if (mine !== run.current) return; // asked again meanwhile
        const hasMore = from.some(({ heads, after }) => heads.length > 0 || after !== null);
        setLine(({ entries }) => ({ entries: isFirst ? taken : [...(entries ?? []), ...taken], problem: undefined, hasMore }));
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        if (mine === run.current) setLine((before) => ({ ...before, problem: error }));
      } finally {
        if (busy.current === mine) busy.current = null;
      }
    },
    [customerId, kinds],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: another turn is a reason to begin again
  useEffect(() => {
    void more(true);
  }, [more, turn]);
  return { ...line, more };
}

export function Timeline({ customerId, turn }: { readonly customerId: string; readonly turn: string }) {
  const { customer: texts, action } = useTexts();
  const [kinds, setKinds] = useState<string>(KINDS.join());
  const { entries, problem, hasMore, more } = useTimeline(customerId, kinds, turn);
  return (
    <section className="card" aria-labelledby="timeline">
      <div className="card-head">
        <h2 id="timeline">{texts.timeline}</h2>
        <select aria-label={texts.show} value={kinds} onChange={(event) => setKinds(event.target.value)}>
          <option value={KINDS.join()}>{texts.kinds.all}</option>
          {KINDS.map((kind) => (
            <option key={kind} value={kind}>
              {texts.kinds[kind]}
            </option>
          ))}
        </select>
      </div>
      {problem === undefined ? null : <ProblemNote problem={problem} again={() => void more(true)} />}
      {entries === undefined && problem === undefined ? <Loading /> : null}
      {entries?.length === 0 ? <Empty title={texts.nothing} /> : null}
      <ol className="plain timeline">
        {(entries ?? []).map((entry) => (
          <li key={`${entry.kind} ${entry.row.id}`} className={`at-${entry.kind}`}>
            <When at={entry.at} />
            <div>
              <EntryWords entry={entry} />
            </div>
          </li>
        ))}
      </ol>
      {hasMore ? (
        <button type="button" onClick={() => void more(false)}>
          {action.more}
        </button>
      ) : null}
    </section>
  );
}

function When({ at }: { readonly at: string }) {
  const formats = useFormats();
  return <time dateTime={at}>{formats.instant(at)}</time>;
}

function EntryWords({ entry }: { readonly entry: Entry }) {
  switch (entry.kind) {
    case 'orders':
      return <OrderWords order={entry.row} />;
    case 'events':
      return <EventWords event={entry.row} />;
    default:
      return <ChangeWords change={entry.row} />;
  }
}

function OrderWords({ order }: { readonly order: Order }) {
  const { customer: texts } = useTexts();
  const formats = useFormats();
  const items = order.items.map(
    ({ name, productId, quantity }) => `${quantity === '1' ? '' : `${quantity} × `}${name ?? productId ?? '?'}`,
  );
  return (
    <>
      {texts.order} <bdi className="mono">{order.id}</bdi> <strong className="figures">{formats.money(order.total, order.currency)}</strong>{' '}
      <small>
        <bdi>{[originalOf(order, formats), order.status, order.channel].filter(Boolean).join(' · ')}</bdi>
      </small>
      {items.length === 0 ? null : (
        <small className="detail">
          <bdi>{items.slice(0, 6).join(', ')}</bdi> {items.length > 6 ? texts.moreItems(items.length - 6) : ''}
        </small>
      )}
    </>
  );
}

/** What it came to in the currency in which it was placed, if that is a different one. */
function originalOf({ original }: Order, formats: ReturnType<typeof useFormats>): string | null {
  if (original === null) return null;
  return original.total === null ? original.currency : formats.money(original.total, original.currency);
}

function EventWords({ event }: { readonly event: CustomerEvent }) {
  const properties = Object.entries(event.properties).slice(0, 8);
  return (
    <>
      <bdi className="mono">{event.name}</bdi>
      {properties.length === 0 ? null : (
        <small className="detail">
          <bdi>{properties.map(([name, value]) => `${name}: ${printValue(value)}`).join(' · ')}</bdi>
        </small>
      )}
    </>
  );
}

function ChangeWords({ change }: { readonly change: PastChange }) {
  const texts = useTexts();
  const cause = Object.hasOwn(texts.cause, change.cause) ? texts.cause[change.cause as keyof typeof texts.cause] : change.cause;
  return (
    <>
      {texts.customer.changes[change.type]} <a href={hrefOf(['segments', change.segment])}>{change.segment}</a>{' '}
      <small>
        {texts.customer.because(cause)} {change.actor === null ? '' : texts.customer.by(change.actor)}
      </small>
      {change.reason === null ? null : (
        <small className="detail">
          <q>
            <bdi>{change.reason}</bdi>
          </q>
        </small>
      )}
    </>
  );
}
