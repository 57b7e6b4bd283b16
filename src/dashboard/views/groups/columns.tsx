// In charge of one group: a column for each of its segments, between which a customer is moved by drag, by a button, or by an id.
import { type DragEvent, type FormEvent, useState } from 'react';
import { call, pathOf } from '../../api/call.ts';
import { useAgain, useNewestChange } from '../../api/use-newest-change.ts';
import { usePages } from '../../api/use-pages.ts';
import { useRead } from '../../api/use-read.ts';
import { type ListedSegment, useSegments } from '../../api/use-segments.ts';
import { useWrite } from '../../api/use-write.ts';
import { type Group, segmentsOf } from '../../parts/group-bars.tsx';
import { MoveDialog } from '../../parts/move-dialog.tsx';
import { Pager } from '../../parts/pager.tsx';
import { Empty, Shown } from '../../parts/reading.tsx';
import { Refusal } from '../../parts/refusal.tsx';
import { SegmentLink, StatusMark } from '../../parts/segment-name.tsx';
import { goTo, hrefOf } from '../../route.ts';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import { DeleteGroup, GroupDialog } from './group-dialog.tsx';
import { PinInDialog } from './pin-in.tsx';

/** What a drag carries; other drags, such as of files, are not accepted. */
const DRAGGED = 'application/x-strata-member';
const PAGE = 15;

interface Moving {
  readonly customerId: string;
  /** undefined: in none of them */
  readonly from: string | undefined;
  readonly to?: string;
}

export function Columns({ groupKey }: { readonly groupKey: string }) {
  const { groups: texts } = useTexts();
  const group = useRead<Group>(pathOf`/v1/groups/${groupKey}`, { live: true });
  const segments = useSegments({ live: true });
  if (group.problem?.code === 'not_found')
    return (
      <Empty title={texts.unknown}>
        <a href={hrefOf(['groups'])}>{texts.toList}</a>
      </Empty>
    );
  return (
    <Shown read={group}>
      {(body) => (
        <Shown read={segments}>
          {({ data }) => (
            <Board
              group={body}
              etag={group.etag}
              segments={data}
              onChanged={() => {
                group.again();
                segments.again();
              }}
            />
          )}
        </Shown>
      )}
    </Shown>
  );
}

interface BoardProps {
  readonly group: Group;
  readonly etag: string | null;
  readonly segments: readonly ListedSegment[];
  readonly onChanged: () => void;
}

function Board({ group, etag, segments, onChanged }: BoardProps) {
  const { groups: texts } = useTexts();
  const [asked, setAsked] = useState<'change' | 'delete' | null>(null);
  const [moving, setMoving] = useState<Moving | null>(null);
  const [turn, setTurn] = useState(0);
  const [moved, setMoved] = useState('');
  const known = new Map(segments.map((segment) => [segment.key, segment]));
  const columns = segmentsOf(group).flatMap((key) => known.get(key) ?? []);
  const total = columns.reduce((sum, { memberCount }) => sum + memberCount, 0);
  const onMoved = () => {
    setMoved(moving?.customerId ?? '');
    setTurn(turn + 1);
    onChanged();
  };
  return (
    <>
      <header className="view-head">
        <h1>
          <bdi>{group.name}</bdi>
        </h1>
        <div className="actions">
          <StatusMark status={group.status} />
          <button type="button" onClick={() => setAsked('change')}>
            {texts.change}
          </button>
          <button type="button" className="danger" onClick={() => setAsked('delete')}>
            {texts.remove}
          </button>
        </div>
      </header>
      <MoveById columns={columns} moved={moved} onMoving={setMoving} />
      <ol className="plain board" aria-label={texts.columns}>
        {columns.map((segment) => (
          <Column
            key={segment.key}
            segment={segment}
            share={total === 0 ? 0 : segment.memberCount / total}
            isRest={segment.key === group.otherwise}
            turn={turn}
            onMoving={setMoving}
          />
        ))}
      </ol>
      <MovingDialog moving={moving} columns={columns} onClose={() => setMoving(null)} onMoved={onMoved} />
      {asked === 'change' ? (
        <GroupDialog group={group} etag={etag} segments={segments} onClose={() => setAsked(null)} onSaved={onChanged} />
      ) : null}
      {asked === 'delete' ? (
        <DeleteGroup group={group} etag={etag} onClose={() => setAsked(null)} onDeleted={() => goTo(['groups'])} />
      ) : null}
    </>
  );
}

interface MovingProps {
  readonly moving: Moving | null;
  readonly columns: readonly ListedSegment[];
  readonly onClose: () => void;
  readonly onMoved: () => void;
}

/** A customer who is in none of them is not moved but pinned in. */
function MovingDialog({ moving, columns, onClose, onMoved }: MovingProps) {
  if (moving === null) return null;
  const { customerId, from, to } = moving;
  if (from === undefined) return <PinInDialog customerId={customerId} segments={columns} onClose={onClose} onPinned={onMoved} />;
  const source = columns.filter(({ key }) => key === from);
  return <MoveDialog customerId={customerId} from={source} to={columns} target={to} onClose={onClose} onMoved={onMoved} />;
}

interface ByIdProps {
  readonly columns: readonly ListedSegment[];
  /** the last one, announced to those who do not see the columns */
  readonly moved: string;
  readonly onMoving: (moving: Moving) => void;
}

/** A customer may be anywhere in a column of a million: so the id can be given. */
function MoveById({ columns, moved, onMoving }: ByIdProps) {
  const { groups: texts, hand } = useTexts();
  const [id, setId] = useState('');
  const { isWriting, problem, write } = useWrite();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void write(async () => {
      const { body } = await call<{ readonly segments: readonly { readonly key: string }[] }>('GET', pathOf`/v1/customers/${id}/segments`);
      const inside = new Set(body.segments.map(({ key }) => key));
      onMoving({ customerId: id, from: columns.find(({ key }) => inside.has(key))?.key });
    });
  };
  return (
    <form className="find" onSubmit={submit}>
      <input type="text" aria-label={texts.id} placeholder={texts.id} value={id} onChange={(event) => setId(event.target.value)} />
      <button type="submit" disabled={id === '' || isWriting}>
        {hand.moveTo}
      </button>
      <small role="status">{moved === '' ? texts.dragHint : texts.moved(moved)}</small>
      <Refusal problem={problem} />
    </form>
  );
}

// ---------------------------------------------------------------- one column

interface ColumnProps {
  readonly segment: ListedSegment;
  readonly share: number;
  readonly isRest: boolean;
  /** changes when the members must be read again */
  readonly turn: number;
  readonly onMoving: (moving: Moving) => void;
}

interface Member {
  readonly customerId: string;
  readonly since: string;
  readonly source: 'rule' | 'pin' | 'manual';
}

function Column({ segment, share, isRest, turn, onMoving }: ColumnProps) {
  const { groups: texts } = useTexts();
  const formats = useFormats();
  const [isOver, setOver] = useState(false);
  const isTaken = ({ dataTransfer }: DragEvent) => dataTransfer.types.includes(DRAGGED);
  const drop = (event: DragEvent) => {
    setOver(false);
    if (!isTaken(event)) return;
    event.preventDefault();
    const { customerId, from } = JSON.parse(event.dataTransfer.getData(DRAGGED)) as { customerId: string; from: string };
    if (from !== segment.key) onMoving({ customerId, from, to: segment.key });
  };
  return (
    <li
      className={`card column${isOver ? ' over' : ''}`}
      onDragOver={(event) => {
        if (!isTaken(event)) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <h2>
        <SegmentLink segment={segment} />
      </h2>
      <p className="figures">
        <strong>{formats.count(segment.memberCount)}</strong> <small>{formats.share(share)}</small>
        {isRest ? <small> · {texts.rest}</small> : null}
      </p>
      <span className="bar" aria-hidden="true">
        <span style={{ width: `${share * 100}%`, ...(segment.color === null ? {} : { background: segment.color }) }} />
      </span>
      <Members segment={segment} turn={turn} onMoving={onMoving} />
    </li>
  );
}

function Members({ segment, turn, onMoving }: Pick<ColumnProps, 'segment' | 'turn' | 'onMoving'>) {
  const { groups: texts, hand, customer } = useTexts();
  const pages = usePages<Member>(pathOf`/v1/segments/${segment.key}/members`, { limit: PAGE });
  const newest = useNewestChange('segment', segment.key);
  useAgain(`${turn} ${pages.number === 1 ? newest : ''}`, pages.read.again);
  return (
    <Shown read={pages.read}>
      {({ data }) => (
        <>
          {data.length === 0 ? <p className="quiet">{texts.nobody}</p> : null}
          <ul className="plain members">
            {data.map(({ customerId, source }) => (
              <li
                key={customerId}
                draggable
                onDragStart={(event) => {
                  event.dataTransfer.setData(DRAGGED, JSON.stringify({ customerId, from: segment.key }));
                  event.dataTransfer.effectAllowed = 'move';
                }}
              >
                <a href={hrefOf(['customers', customerId])} draggable={false}>
                  <bdi>{customerId}</bdi>
                </a>
                {source === 'rule' ? null : <span className="status status-building">{customer.source[source]}</span>}
                <button
                  type="button"
                  className="small"
                  aria-label={hand.of(hand.moveTo, customerId)}
                  onClick={() => onMoving({ customerId, from: segment.key })}
                >
                  {hand.moveTo}
                </button>
              </li>
            ))}
          </ul>
          <Pager pages={pages} />
        </>
      )}
    </Shown>
  );
}
