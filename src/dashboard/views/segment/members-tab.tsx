// In charge of who is in the segment: page by page, one by id, those decided by hand, and all as a file.
import { type FormEvent, Suspense, useState } from 'react';
import { pathOf } from '../../api/call.ts';
import { usePages } from '../../api/use-pages.ts';
import { useRead } from '../../api/use-read.ts';
import { DownloadButton } from '../../parts/download-button.tsx';
import { lazyPart } from '../../parts/lazy-part.ts';
import { Pager } from '../../parts/pager.tsx';
import { Empty, Shown } from '../../parts/reading.tsx';
import { Table } from '../../parts/table.tsx';
import { changeQuery, hrefOf, type Place } from '../../route.ts';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import { PinDialog, type PinWish, ReleaseDialog } from './pin-dialog.tsx';
import { RunProgress } from './run-progress.tsx';
import type { Segment } from './segment.ts';

const MoveMembers = lazyPart(() => import('./move-members.tsx'));

type Source = 'rule' | 'pin' | 'manual';
interface Member {
  readonly customerId: string;
  readonly since: string;
  readonly source: Source;
}
interface Pin {
  readonly customerId: string;
  readonly include: boolean;
  readonly until: string | null;
  readonly reason: string | null;
  readonly actor: string;
  readonly pinnedAt: string;
}
/** the customer and direction to begin with; undefined: to be filled in */
export interface Asked {
  readonly customerId?: string;
  readonly wish: PinWish | 'release';
}

export function MembersTab({ place, segment }: { readonly place: Place; readonly segment: Segment }) {
  const { segment: texts } = useTexts();
  const [shown, setShown] = useState<'all' | 'pins'>('all');
  const [wanted, setWanted] = useState('');
  const [asked, setAsked] = useState<Asked | null>(null);
  const [turn, setTurn] = useState(0);
  const [isMoving, setMoving] = useState(false);
  const moveRun = place.query.get('move'); // in the place, so that reloading the page does not lose it
  const canMove = (segment.status === 'active' || segment.status === 'building') && segment.memberCount > 0;
  const done = () => {
    setAsked(null);
    setTurn((before) => before + 1); // what is listed has changed
  };
  return (
    <section className="card" aria-label={texts.tabs.members}>
      <div className="card-head">
        <FindCustomer onFind={setWanted} />
        <div className="button-row">
          {segment.kind === 'rule' ? (
            <label className="inline">
              {texts.members.show}
              <select value={shown} onChange={(event) => setShown(event.target.value as 'all' | 'pins')}>
                <option value="all">{texts.members.all}</option>
                <option value="pins">{texts.members.pins}</option>
              </select>
            </label>
          ) : null}
          <button type="button" onClick={() => setAsked({ wish: 'in' })}>
            {segment.kind === 'rule' ? texts.members.pin : texts.members.add}
          </button>
          {canMove ? (
            <button type="button" onClick={() => setMoving(true)}>
              {texts.moving.open}
            </button>
          ) : null}
          <DownloadButton
            path={pathOf`/v1/segments/${segment.key}/members.csv`}
            fileName={`${segment.key}.csv`}
            lines={segment.memberCount}
          />
        </div>
      </div>
      {moveRun === null ? null : <RunProgress key={moveRun} runId={moveRun} />}
      {wanted === '' ? null : <FoundCustomer key={`${wanted} ${turn}`} segment={segment} id={wanted} ask={setAsked} />}
      {shown === 'all' ? (
        <MemberTable key={`members ${turn}`} segment={segment} ask={setAsked} />
      ) : (
        <PinTable key={`pins ${turn}`} segment={segment} ask={setAsked} />
      )}
      {isMoving ? (
        <Suspense fallback={null}>
          <MoveMembers segment={segment} onClose={() => setMoving(false)} onQueued={(run) => changeQuery(place, { move: run })} />
        </Suspense>
      ) : null}
      {asked === null ? null : asked.wish === 'release' ? (
        <ReleaseDialog segment={segment} customerId={asked.customerId ?? ''} onClose={() => setAsked(null)} onDone={done} />
      ) : (
        <PinDialog segment={segment} customerId={asked.customerId} wish={asked.wish} onClose={() => setAsked(null)} onDone={done} />
      )}
    </section>
  );
}

function FindCustomer({ onFind }: { readonly onFind: (id: string) => void }) {
  const { segment: texts, action } = useTexts();
  const [id, setId] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onFind(id);
  };
  return (
    <search className="find-place">
      <form className="find" onSubmit={submit}>
        <input
          type="search"
          aria-label={texts.members.find}
          placeholder={`${texts.members.find} · ${texts.members.findHelp}`}
          value={id}
          onChange={(event) => {
            setId(event.target.value);
            if (event.target.value === '') onFind('');
          }}
        />
        <button type="submit">{action.search}</button>
      </form>
    </search>
  );
}

interface Asking {
  readonly segment: Segment;
  readonly ask: (asked: Asked) => void;
}

function FoundCustomer({ segment, id, ask }: Asking & { readonly id: string }) {
  const { segment: texts } = useTexts();
  const formats = useFormats();
  const read = useRead<{
    readonly segments: readonly (Omit<Member, 'customerId' | 'since'> & { readonly key: string; readonly since: string | null })[];
  }>(pathOf`/v1/customers/${id}/segments`, { live: true });
  if (read.problem?.code === 'not_found') return <p className="note">{texts.members.unknownCustomer(id)}</p>;
  return (
    <Shown read={read}>
      {({ segments }) => {
        const found = segments.find(({ key }) => key === segment.key);
        return (
          <div className="note found" role="status">
            <p>
              <a href={hrefOf(['customers', id])}>
                <bdi>{id}</bdi>
              </a>{' '}
              — {found === undefined ? texts.members.notMember(id) : texts.members.isMember(id)}{' '}
              {found?.since == null ? null : (
                <small>
                  {texts.members.since} {formats.instant(found.since)} · {texts.members.sources[found.source]}
                </small>
              )}
            </p>
            <WordButtons segment={segment} ask={ask} customerId={id} isIn={found !== undefined} source={found?.source} />
          </div>
        );
      }}
    </Shown>
  );
}

interface WordProps extends Asking {
  readonly customerId: string;
  readonly isIn: boolean;
  readonly source: Source | undefined;
}

/** What can be decided about one customer from here. */
function WordButtons({ segment, ask, customerId, isIn, source }: WordProps) {
  const { segment: texts } = useTexts();
  const isManual = segment.kind === 'manual';
  const button = (wish: Asked['wish'], text: string) => (
    <button key={wish} type="button" className="link-button" onClick={() => ask({ customerId, wish })}>
      {text}
      <span className="visually-hidden"> {customerId}</span>
    </button>
  );
  return (
    <span className="button-row">
      {isIn && source !== 'pin' && !isManual ? button('in', texts.members.pinIn) : null}
      {isIn ? null : button('in', isManual ? texts.members.add : texts.members.pinIn)}
      {isIn || !isManual ? button('out', isManual ? texts.members.remove : texts.members.pinOut) : null}
      {source === 'pin' ? button('release', texts.members.release) : null}
    </span>
  );
}

function MemberTable({ segment, ask }: Asking) {
  const { segment: texts } = useTexts();
  const formats = useFormats();
  const pages = usePages<Member>(pathOf`/v1/segments/${segment.key}/members`, { limit: 50 }, { live: true });
  return (
    <Shown read={pages.read}>
      {({ data }) =>
        data.length === 0 && pages.back === null ? (
          <Empty title={texts.members.none} />
        ) : (
          <>
            <Table
              label={texts.tabs.members}
              columns={[
                { text: texts.members.customer },
                { text: texts.members.since },
                { text: texts.members.source },
                { text: texts.members.action },
              ]}
            >
              {data.map(({ customerId, since, source }) => (
                <tr key={customerId}>
                  <th scope="row">
                    <CustomerLink id={customerId} />
                  </th>
                  <td>
                    <time dateTime={since}>{formats.instant(since)}</time>
                  </td>
                  <td>{texts.members.sources[source]}</td>
                  <td>
                    <WordButtons segment={segment} ask={ask} customerId={customerId} isIn source={source} />
                  </td>
                </tr>
              ))}
            </Table>
            <Pager pages={pages} />
          </>
        )
      }
    </Shown>
  );
}

function CustomerLink({ id }: { readonly id: string }) {
  return (
    <a href={hrefOf(['customers', id])}>
      <bdi>{id}</bdi>
    </a>
  );
}

function PinTable({ segment, ask }: Asking) {
  const { segment: texts } = useTexts();
  const formats = useFormats();
  const pages = usePages<Pin>(pathOf`/v1/segments/${segment.key}/pins`, { limit: 50 }, { live: true });
  return (
    <Shown read={pages.read}>
      {({ data }) =>
        data.length === 0 && pages.back === null ? (
          <Empty title={texts.members.noPins} />
        ) : (
          <>
            <Table
              label={texts.members.pins}
              columns={(['customer', 'said', 'until', 'reason', 'by', 'action'] as const).map((name) => ({ text: texts.members[name] }))}
            >
              {data.map(({ customerId, include, until, reason, actor, pinnedAt }) => (
                <tr key={customerId}>
                  <th scope="row">
                    <CustomerLink id={customerId} />
                  </th>
                  <td>{include ? texts.members.isIn : texts.members.isOut}</td>
                  <td>{until === null ? texts.members.stands : formats.instant(until)}</td>
                  <td>
                    <bdi>{reason}</bdi>
                  </td>
                  <td>
                    <bdi>{actor}</bdi> <small>{formats.distance(pinnedAt)}</small>
                  </td>
                  <td>
                    <button type="button" className="link-button" onClick={() => ask({ customerId, wish: 'release' })}>
                      {texts.members.release}
                      <span className="visually-hidden"> {customerId}</span>
                    </button>
                  </td>
                </tr>
              ))}
            </Table>
            <Pager pages={pages} />
          </>
        )
      }
    </Shown>
  );
}
