// In charge of how the demo shows its segments in a terminal of 80 to 120 columns: name, size, share, a bar, and below it the rule. Pure.

export interface SizedSegment {
  readonly name: string;
  readonly rule: string;
  readonly members: number;
}

const LEAST_COLUMNS = 60;
const MOST_COLUMNS = 120;
const BAR = 24;
const NUMBERS = 9;

export interface TableOptions {
  /** the terminal's width */
  readonly columns: number;
  /** whether to use escape codes for bold and dim */
  readonly styled: boolean;
}

export function printSegments(segments: readonly SizedSegment[], population: number, options: TableOptions): string {
  const columns = Math.min(MOST_COLUMNS, Math.max(LEAST_COLUMNS, options.columns));
  const bold = (text: string) => (options.styled ? `\u001b[1m${text}\u001b[22m` : text);
  const dim = (text: string) => (options.styled ? `\u001b[2m${text}\u001b[22m` : text);
  const nameWidth = Math.max(...segments.map(({ name }) => name.length), 'Segment'.length) + 1;
  const most = Math.max(1, ...segments.map(({ members }) => members));
  const head = `${'Segment'.padEnd(nameWidth)}${'Members'.padStart(NUMBERS)}${'Share'.padStart(NUMBERS)}`;
  const lines = segments.flatMap(({ name, rule, members }) => {
    const share = population === 0 ? 0 : (100 * members) / population;
    const numbers = `${members.toLocaleString('en').padStart(NUMBERS)}${`${share.toFixed(1)} %`.padStart(NUMBERS)}`;
    const bar = members === 0 ? '' : `  ${'█'.repeat(Math.max(1, Math.round((BAR * members) / most)))}`;
    return [`${bold(name.padEnd(nameWidth))}${numbers}${bar}`, ...wrap(rule, columns - 4).map((line) => dim(`  ${line}`))];
  });
  return `${[dim(head), ...lines].join('\n')}\n`;
}

/** Wraps at spaces; a longer word gets a line of its own. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
