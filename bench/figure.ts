// In charge of figures: what a figure consists of, how it is judged, and how it is printed: a line of JSON each, and a table at the end. Not of
// measuring.

export interface Figure {
  readonly id: string;
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** the same work done the other way, in the same run; null: the figure is a growth law or a plain limit */
  readonly reference: { readonly what: string; readonly value: number } | null;
  readonly ratio: number | null;
  readonly target: { readonly sense: '>=' | '<='; readonly value: number } | null;
  /** seconds of processor time, and whatever else helps to understand the figure */
  readonly detail: Readonly<Record<string, unknown>>;
}

export function verdict({ ratio, value, target }: Figure): 'met' | 'missed' | '' {
  if (target === null) return '';
  const measured = ratio ?? value;
  return (target.sense === '>=' ? measured >= target.value : measured <= target.value) ? 'met' : 'missed';
}

export function printFigure(figure: Figure): string {
  const { id, what, value, unit, reference, ratio, target, detail } = figure;
  const rounded = reference === null ? null : { ...reference, value: short(reference.value) };
  const judged = { verdict: verdict(figure), detail };
  return `${JSON.stringify({ id, what, value: short(value), unit, reference: rounded, ratio: ratio === null ? null : short(ratio), target, ...judged })}\n`;
}

/** What was not measured: left out by choice, or begun and not finished. */
export interface Absence {
  readonly id: string;
  readonly why: string;
  readonly isFailure: boolean;
}

export function printAbsence({ id, why, isFailure }: Absence): string {
  return `${JSON.stringify(isFailure ? { id, failure: why } : { id, leftOut: why })}\n`;
}

export function printTable(figures: readonly Figure[], absences: readonly Absence[]): string {
  const head = ['figure', 'what', 'value', 'reference', 'ratio', 'target', 'verdict'];
  const rows = figures.map((figure) => [
    figure.id,
    figure.what,
    `${amount(figure.value)} ${figure.unit}`,
    figure.reference === null ? '' : `${amount(figure.reference.value)} (${figure.reference.what})`,
    figure.ratio === null ? '' : amount(figure.ratio),
    figure.target === null ? '' : `${figure.target.sense === '>=' ? '≥' : '≤'} ${figure.target.value}`,
    verdict(figure),
  ]);
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] as string).length)));
  const line = (cells: readonly string[]) =>
    `${cells
      .map((cell, column) => cell.padEnd(widths[column] as number))
      .join('  ')
      .trimEnd()}\n`;
  const absent = absences.map(({ id, why, isFailure }) => `${id} ${isFailure ? 'failed' : 'left out'}: ${why}\n`);
  return `\n${line(head)}${line(widths.map((width) => '─'.repeat(width)))}${rows.map(line).join('')}${absent.join('')}`;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) throw new Error('a median of nothing');
  return sorted.length % 2 === 1 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** Three significant digits; whole numbers stay whole. */
export function short(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}

function amount(value: number): string {
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString('en') : String(short(value));
}
