// In charge of listing, as text for the terminal, orders that an import wrote without some of their lines. Which these are is the service's
// answer.
import { count } from './progress.ts';

export interface Incomplete {
  readonly count: number;
  readonly first: readonly {
    readonly id: string;
    readonly totalGiven: boolean;
    readonly rejected: number;
    readonly lines: readonly number[];
  }[];
  readonly unplacedLines: number;
}

const LINES_TOLD = 5;

/** Empty if no order is incomplete. */
export function incompleteTable({ count: orders, first, unplacedLines }: Incomplete): string {
  const rows = first.map(({ id, totalGiven, rejected, lines }) => {
    const shown = lines.slice(0, LINES_TOLD);
    const more = rejected > shown.length ? ` and ${count(rejected - shown.length)} more` : '';
    const said = `${rejected === 1 ? 'line' : 'lines'} ${shown.join(', ')}${more}`;
    return [JSON.stringify(id).slice(1, -1), said, totalGiven ? 'its total is as the file says' : 'its total is too small'] as const;
  });
  const widths = [0, 1].map((column) => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)));
  const table = rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}\n`).join('');
  const head = `${count(orders)} ${orders === 1 ? 'order was' : 'orders were'} written without these lines; mend them and send all lines of the ${orders === 1 ? 'order' : 'orders'} again:\n`;
  const unplaced = `${count(unplacedLines)} rejected ${unplacedLines === 1 ? 'line does' : 'lines do'} not say readably of which order; any order may lack ${unplacedLines === 1 ? 'it' : 'them'}.\n`;
  const rest = orders > first.length ? `  … and ${count(orders - first.length)} more\n` : '';
  return (orders === 0 ? '' : head + table + rest) + (unplacedLines === 0 ? '' : unplaced);
}
