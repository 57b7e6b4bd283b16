// The figures that come first in a report, and what they hold for.
import type { ReactNode } from 'react';
import { useFormats, useTexts } from '../../texts/texts.tsx';

interface Fact {
  readonly name: string;
  readonly figure: string;
  readonly more?: ReactNode;
}

export function ReportFacts({ facts }: { readonly facts: readonly Fact[] }) {
  return (
    <dl className="facts report-facts">
      {facts.map(({ name, figure, more }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            {figure}
            {more === undefined ? null : <small className="quiet">{more}</small>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** As of when, and which orders count if not all do. */
export function AsOf({ at, statuses }: { readonly at: string; readonly statuses: readonly string[] | null }) {
  const { report, reports } = useTexts();
  const formats = useFormats();
  return (
    <p className="quiet as-of">
      {report.asOf(formats.instant(at))}
      {statuses === null ? null : ` · ${reports.options.only(statuses.join(', '))}`}
    </p>
  );
}
