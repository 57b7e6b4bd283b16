// In charge of flows as a table: a row for where customers were before, a column for where they are after.

import { Scroll } from '../../parts/scroll.tsx';
import { SegmentLink } from '../../parts/segment-name.tsx';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import { heat } from './heat.ts';
import type { Flow, Flows } from './report.ts';

interface Props {
  /** without those who were in none of the segments at both instants */
  readonly flows: readonly Flow[];
  readonly segments: Flows['segments'];
  readonly nameOf: (segment: string | null) => string;
  readonly before: string;
  readonly after: string;
}

export function FlowMatrix({ flows, segments, nameOf, before, after }: Props) {
  const { flows: texts, reports } = useTexts();
  const formats = useFormats();
  const known = new Map(flows.map((flow) => [`${flow.from} ${flow.to}`, flow]));
  const columns = [...segments.map(({ segment }) => segment), ...(flows.some(({ to }) => to === null) ? [null] : [])];
  const rows = [...segments.map(({ segment }) => segment), ...(flows.some(({ from }) => from === null) ? [null] : [])];
  const nameIn = (key: string | null) => (key === null ? <em>{texts.none}</em> : <SegmentLink segment={{ key, name: nameOf(key) }} />);
  return (
    <details className="as-table">
      <summary>{reports.asTable}</summary>
      <p className="quiet">{texts.matrixLead}</p>
      <Scroll label={texts.title}>
        <table className="rows heat flow-matrix">
          <thead>
            <tr>
              <th scope="col" rowSpan={2}>
                {before}
              </th>
              <th scope="colgroup" colSpan={columns.length}>
                {after}
              </th>
            </tr>
            <tr>
              {columns.map((key) => (
                <th key={key ?? ''} scope="col">
                  <bdi>{nameOf(key)}</bdi>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row ?? ''}>
                <th scope="row">{nameIn(row)}</th>
                {columns.map((column) => {
                  const flow = known.get(`${row} ${column}`);
                  if (flow === undefined) return <td key={column ?? ''}>–</td>;
                  // of those who were in none nearly all are still in none: a share of them says nothing here
                  const share = row === null ? null : flow.share;
                  return (
                    <td key={column ?? ''} style={heat(share)}>
                      {formats.count(flow.customers)}
                      {share === null ? null : <small>{formats.share(share)}</small>}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </details>
  );
}
