// A table of rows: its head from a list of columns, its body as the view provides it. If it is wider than its place, it scrolls on its own.
import type { ReactNode } from 'react';
import { Scroll } from './scroll.tsx';

export interface Column {
  readonly text: string;
  readonly isNumber?: boolean;
  /** left out in a narrow window, along with its cells */
  readonly isWideOnly?: boolean;
  /** only for screen readers, such as above buttons */
  readonly isUnseen?: boolean;
}

interface Props {
  readonly label: string;
  readonly columns: readonly Column[];
  readonly children: ReactNode;
}

export function Table({ label, columns, children }: Props) {
  return (
    <Scroll label={label}>
      <table className="rows">
        <thead>
          <tr>
            {columns.map(({ text, isNumber = false, isWideOnly = false, isUnseen = false }) => (
              <th
                key={text}
                scope="col"
                className={[isNumber ? 'number' : '', isWideOnly ? 'wide-only' : ''].filter(Boolean).join(' ') || undefined}
              >
                {isUnseen ? <span className="visually-hidden">{text}</span> : text}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </Scroll>
  );
}
