// The frame of a report: its name and what it shows, what it is about, its file, its options, and the figures below.
import type { ReactNode } from 'react';
import type { Query } from '../../api/call.ts';
import { DownloadButton } from '../../parts/download-button.tsx';

interface Props {
  /** the part of the path after `/v1/reports/`, and of the file's name */
  readonly name: string;
  readonly title: string;
  readonly lead: string;
  readonly query: Query;
  /** what is asked first, beside the file */
  readonly actions?: ReactNode;
  readonly options?: ReactNode;
  readonly children: ReactNode;
}

export function ReportCard({ name, title, lead, query, actions, options, children }: Props) {
  return (
    <section className="card report-card" aria-labelledby={name}>
      <div className="card-head">
        <h2 id={name}>{title}</h2>
        <div className="actions">
          {actions}
          <DownloadButton path={`/v1/reports/${name}.csv`} query={query} fileName={`${name}.csv`} />
        </div>
      </div>
      <p className="quiet">{lead}</p>
      {options}
      {children}
    </section>
  );
}
