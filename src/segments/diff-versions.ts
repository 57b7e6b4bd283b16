// In charge of comparing two versions of a segment by what their rules say. By whom they hold for: evaluation/impact.ts.
import type { Database } from '../db/database.ts';
import type { Rule } from '../rules/ast.ts';
import { diffRules, type RulesDiff } from '../rules/diff-rules.ts';
import { parseJsonRule } from '../rules/parse-json.ts';
import { parseRule } from '../rules/parse-text.ts';
import { getSegment } from './segments.ts';
import { getVersion, invalidRule, type SegmentVersion } from './versions.ts';

export interface VersionsDiff {
  /** the version compared with; null: none has been published yet, so everything is added */
  readonly against: number | null;
  readonly diff: RulesDiff;
}

/** From version `against`, or the published one, to version `number`. Throws `not_found`. */
export async function diffVersions(database: Database, key: string, number: number, against?: number): Promise<VersionsDiff> {
  const after = readStored(await getVersion(database, key, number));
  const other = against ?? (await getSegment(database, key)).version;
  const before = other === null ? null : readStored(await getVersion(database, key, other));
  return { against: other, diff: diffRules(before, after) };
}

/** From the published version to a rule that is stored nowhere. Throws `not_found`, `invalid_rule`. */
export async function diffRule(database: Database, key: string, input: unknown): Promise<VersionsDiff> {
  const { version } = await getSegment(database, key);
  const parsed = typeof input === 'string' ? parseRule(input) : parseJsonRule(input);
  if (!parsed.ok) throw invalidRule(parsed.problems);
  const before = version === null ? null : readStored(await getVersion(database, key, version));
  return { against: version, diff: diffRules(before, parsed.value) };
}

function readStored(version: SegmentVersion): Rule {
  const parsed = parseJsonRule(version.json);
  if (!parsed.ok) throw invalidRule(parsed.problems);
  return parsed.value;
}
