// In charge of `#/groups`: all groups with their sizes, and making one. One group as columns: groups/columns.tsx.
import { useState } from 'react';
import { usePages } from '../api/use-pages.ts';
import { useSegments } from '../api/use-segments.ts';
import type { ViewProps } from '../page.tsx';
import { type Group, GroupBars } from '../parts/group-bars.tsx';
import { Pager } from '../parts/pager.tsx';
import { Empty, Shown } from '../parts/reading.tsx';
import { StatusMark } from '../parts/segment-name.tsx';
import { goTo, hrefOf } from '../route.ts';
import { useTexts } from '../texts/texts.tsx';
import { Columns } from './groups/columns.tsx';
import { GroupDialog } from './groups/group-dialog.tsx';
import './groups/groups.css';

const PAGE = 50;

export default function Groups({ place }: ViewProps) {
  const key = place.path[1];
  return key === undefined ? <GroupList /> : <Columns key={key} groupKey={key} />;
}

function GroupList() {
  const { groups: texts } = useTexts();
  const [isMaking, setMaking] = useState(false);
  const pages = usePages<Group>('/v1/groups', { limit: PAGE }, { live: true });
  const segments = useSegments({ live: true });
  return (
    <>
      <header className="view-head">
        <h1>{texts.title}</h1>
        <button type="button" className="primary" onClick={() => setMaking(true)}>
          {texts.make}
        </button>
      </header>
      <Shown read={pages.read}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty title={texts.none}>
              <p>{texts.noneLead}</p>
            </Empty>
          ) : (
            <div className="groups">
              {data.map((group) => (
                <section key={group.key} className="card" aria-label={group.name}>
                  <div className="card-head">
                    <h2>
                      <a className="group-link" href={hrefOf(['groups', group.key])}>
                        <bdi>{group.name}</bdi>
                      </a>
                    </h2>
                    <StatusMark status={group.status} />
                  </div>
                  <GroupBars group={group} segments={segments.body?.data ?? []} />
                </section>
              ))}
            </div>
          )
        }
      </Shown>
      <Pager pages={pages} />
      {isMaking ? (
        <GroupDialog
          segments={segments.body?.data ?? []}
          onClose={() => setMaking(false)}
          onSaved={(group) => goTo(['groups', group.key])}
        />
      ) : null}
    </>
  );
}
