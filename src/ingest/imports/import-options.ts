// In charge of what a caller may say about a file: `map.…`, `default.…`, `timeZone`, `delimiter`, `round`, `atomic`,
// as one text form that the URL and the command line share. Not of the file's own header (map-columns.ts).
import { nearestName } from '../../base/nearest-name.ts';
import { failed, ok, type Result } from '../../base/result.ts';
import { isTimeZone } from '../../base/time-zone.ts';
import type { ErrorDetail } from '../../errors.ts';
import { type ImportKind, importField, importTargets } from './import-fields.ts';

export type ImportFormat = 'csv' | 'ndjson';

export interface ImportOptions {
  /** target → name of the file's column */
  readonly map: ReadonlyMap<string, string>;
  /** target → the cell's text where the file has none */
  readonly defaults: ReadonlyMap<string, string>;
  readonly timeZone: string;
  readonly delimiter: string;
  /** to how many decimals amounts of orders are rounded; null: they have to be exact */
  readonly round: number | null;
  readonly atomic: boolean;
}

const PARAMETERS = ['timeZone', 'delimiter', 'round', 'atomic', 'map.', 'default.'];
const DELIMITER_WORDS: ReadonlyMap<string, string> = new Map([
  ['tab', '\t'],
  ['\\t', '\t'],
  ['comma', ','],
  ['semicolon', ';'],
  ['pipe', '|'],
]);

/** Reads the parameters of one import; reports everything that is wrong at once. `defaultTimeZone` is the service's. */
export function parseImportOptions(
  kind: ImportKind,
  parameters: Readonly<Record<string, unknown>>,
  defaultTimeZone: string,
): Result<ImportOptions, ErrorDetail> {
  const problems: ErrorDetail[] = [];
  const map = new Map<string, string>();
  const defaults = new Map<string, string>();
  let timeZone = defaultTimeZone;
  let delimiter = ',';
  let round: number | null = null;
  let atomic = false;
  const refuse = (parameter: string, code: string, detail: string, hint?: string) =>
    problems.push({ parameter, code, detail, ...(hint === undefined ? {} : { hint }) });

  for (const [parameter, value] of Object.entries(parameters)) {
    if (typeof value !== 'string') {
      refuse(parameter, 'invalid_parameter', `\`${parameter}\` is to be given once.`);
      continue;
    }
    const dot = parameter.indexOf('.');
    const target = dot === -1 ? '' : parameter.slice(dot + 1);
    switch (dot === -1 ? parameter : parameter.slice(0, dot + 1)) {
      case 'timeZone':
        if (isTimeZone(value)) timeZone = value;
        else refuse(parameter, 'invalid_time_zone', `"${value.slice(0, 80)}" is no time zone.`, 'Names are like Europe/London.');
        break;
      case 'delimiter': {
        const character = DELIMITER_WORDS.get(value) ?? value;
        if (/^[\t !#-~]$/.test(character) && !/[A-Za-z0-9]/.test(character)) delimiter = character;
        else refuse(parameter, 'invalid_parameter', 'A delimiter is one ASCII sign, such as `,`, `;`, `|` or `tab`.');
        break;
      }
      case 'round':
        if (kind === 'orders' && /^[0-4]$/.test(value)) round = Number(value);
        else if (kind === 'orders') refuse(parameter, 'invalid_parameter', '`round` is a number of decimals, 0 to 4.');
        else refuse(parameter, 'invalid_parameter', `${kind} have no amounts to round.`);
        break;
      case 'atomic':
        if (value === 'true' || value === 'false') atomic = value === 'true';
        else refuse(parameter, 'invalid_parameter', '`atomic` is `true` or `false`.');
        break;
      case 'map.':
        if (requireTarget(kind, parameter, target, refuse)) map.set(target, value);
        break;
      case 'default.':
        if (requireTarget(kind, parameter, target, refuse)) defaults.set(target, value);
        break;
      default: {
        const near = nearestName(parameter, PARAMETERS);
        refuse(parameter, 'unknown_parameter', `There is no parameter \`${parameter}\`.`, near && `Did you mean \`${near}\`?`);
      }
    }
  }
  return problems.length > 0 ? failed(problems) : ok({ map, defaults, timeZone, delimiter, round, atomic });
}

type Refuse = (parameter: string, code: string, detail: string, hint?: string) => void;

function requireTarget(kind: ImportKind, parameter: string, target: string, refuse: Refuse): boolean {
  if (importField(kind, target) !== undefined) return true;
  const near = nearestName(target, importTargets(kind));
  refuse(parameter, 'unknown_field', `${kind} have no field \`${target}\`.`, near === undefined ? undefined : `Did you mean \`${near}\`?`);
  return false;
}

/** Rows are lines of orders (staged until the file has ended) and not whole orders: every CSV, and NDJSON that maps columns to items. */
export function isLineLevel(kind: ImportKind, format: ImportFormat, options: ImportOptions): boolean {
  if (kind !== 'orders') return false;
  return format === 'csv' || [...options.map.keys(), ...options.defaults.keys()].some((target) => target.startsWith('items.'));
}
