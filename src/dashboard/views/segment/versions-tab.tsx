// In charge of the versions of the rule: what each says, what it changes compared with another, and putting one in force.
import { useId, useState } from 'react';
import { call, pathOf } from '../../api/call.ts';
import { usePages } from '../../api/use-pages.ts';
import { useRead } from '../../api/use-read.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { Pager } from '../../parts/pager.tsx';
import { Empty, Shown } from '../../parts/reading.tsx';
import { hrefOf } from '../../route.ts';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import { PublishDialog } from './publish-dialog.tsx';
import { RulesDiffList } from './rules-diff-list.tsx';
import type { Held, RulesDiff, Version } from './segment.ts';

export function VersionsTab({ held }: { readonly held: Held }) {
  const { segment: texts } = useTexts();
  const { segment } = held;
  const [comparing, setComparing] = useState<number | null>(null);
  const [publishing, setPublishing] = useState<number | null>(null);
  const pages = usePages<Version>(pathOf`/v1/segments/${segment.key}/versions`, { limit: 20 });
  const publish = (number: number) => ({
    impact: () => call<never>('GET', pathOf`/v1/segments/${segment.key}/versions/${number}/impact`),
    send: (ifMatch: string | null) =>
      call('POST', pathOf`/v1/segments/${segment.key}/versions/${number}/publish`, ifMatch === null ? {} : { ifMatch }),
  });
  return (
    <>
      <Shown read={pages.read}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty title={texts.versions.none} />
          ) : (
            <ol className="plain versions" reversed>
              {data.map((version) => (
                <li key={version.number} className="card">
                  <VersionCard
                    held={held}
                    version={version}
                    isOnly={version.number === 1 && data.length === 1}
                    compare={setComparing}
                    publish={setPublishing}
                  />
                </li>
              ))}
            </ol>
          )
        }
      </Shown>
      <Pager pages={pages} />
      {comparing === null ? null : <CompareDialog held={held} number={comparing} onClose={() => setComparing(null)} />}
      {publishing === null ? null : (
        <PublishDialog
          title={texts.impact.title(String(publishing))}
          held={held}
          {...publish(publishing)}
          onClose={() => setPublishing(null)}
          onDone={() => {
            setPublishing(null);
            held.again();
            pages.read.again();
          }}
        />
      )}
    </>
  );
}

interface CardProps {
  readonly held: Held;
  readonly version: Version;
  /** there is none to compare it with */
  readonly isOnly: boolean;
  readonly compare: (number: number) => void;
  readonly publish: (number: number) => void;
}

function VersionCard({ held: { segment }, version, isOnly, compare, publish }: CardProps) {
  const { segment: texts } = useTexts();
  const formats = useFormats();
  const isCurrent = segment.version === version.number;
  const isArchived = segment.status === 'archived';
  const word =
    isArchived && isCurrent ? texts.versions.bringBack : version.publishedAt === null ? texts.versions.publish : texts.versions.rollBack;
  return (
    <article aria-label={texts.versions.number(formats.count(version.number))}>
      <div className="card-head">
        <h2>
          {texts.versions.number(formats.count(version.number))}{' '}
          {isCurrent ? <span className="status status-active">{texts.versions.current}</span> : null}
          {version.publishedAt === null ? <span className="status">{texts.versions.unpublished}</span> : null}
        </h2>
        <small>
          {formats.instant(version.createdAt)}
          {version.author === null ? null : (
            <>
              {' · '}
              <bdi>{texts.versions.by(version.author)}</bdi>
            </>
          )}
        </small>
      </div>
      {version.note === null ? null : <p className="version-note">{version.note}</p>}
      <pre className="rule-text">{version.text}</pre>
      <div className="button-row">
        {isCurrent && !isArchived ? null : (
          <button type="button" onClick={() => publish(version.number)}>
            {word} …
          </button>
        )}
        {isOnly ? null : (
          <button type="button" onClick={() => compare(version.number)}>
            {texts.versions.compare} …
          </button>
        )}
        <a className="button" href={hrefOf(['segments', segment.key], { tab: 'rule', from: String(version.number) })}>
          {texts.versions.editFrom}
        </a>
      </div>
    </article>
  );
}

function CompareDialog({
  held: { segment },
  number,
  onClose,
}: {
  readonly held: Held;
  readonly number: number;
  readonly onClose: () => void;
}) {
  const { segment: texts } = useTexts();
  const versions = useRead<{ readonly data: readonly Version[] }>(pathOf`/v1/segments/${segment.key}/versions`, { query: { limit: 1 } });
  const newest = versions.body?.data[0]?.number ?? Math.max(segment.version ?? 1, number);
  const first = segment.version === null || segment.version === number ? Math.max(1, number - 1) : segment.version;
  const [against, setAgainst] = useState(first);
  const name = useId();
  const diff = useRead<RulesDiff>(pathOf`/v1/segments/${segment.key}/versions/${number}/diff`, { query: { against } });
  return (
    <Dialog title={texts.versions.number(String(number))} onClose={onClose}>
      <label htmlFor={name}>{texts.versions.compare}</label>
      <select id={name} value={against} onChange={(event) => setAgainst(Number(event.target.value))}>
        {Array.from({ length: newest }, (_, index) => newest - index).map((each) => (
          <option key={each} value={each}>
            {texts.versions.compareWith(String(each))}
            {each === segment.version ? ` · ${texts.versions.current}` : ''}
          </option>
        ))}
      </select>
      <h3>{texts.versions.diffTitle(String(against), String(number))}</h3>
      <Shown read={diff}>{(body) => <RulesDiffList diff={body} />}</Shown>
    </Dialog>
  );
}
