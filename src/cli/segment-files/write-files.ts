// In charge of writing what a service has as files for which a plan finds nothing to do: one file of segments, one of groups.
import fs from 'node:fs';
import path from 'node:path';
import { Document, isScalar, visit } from 'yaml';
import { StartError } from '../../base/start-error.ts';
import type { Present, PresentGroup, PresentSegment } from './read-present.ts';

export interface Written {
  readonly files: readonly string[];
  /** files of an earlier export for which there is nothing any more: left there, they would bring back what is gone */
  readonly removed: readonly string[];
  /** drafts that were never published: a file cannot express them */
  readonly leftOut: readonly string[];
}

const GROUPS_FILE = 'groups.yaml';

/** Throws a StartError if a file exists already, unless it may be replaced. */
export function writeSegmentFiles(folder: string, present: Present, replace: boolean): Written {
  const live = [...present.segments.values()].filter(({ status }) => status !== 'archived' && status !== 'archiving');
  const published = live.filter(({ version }) => version !== null);
  const files = [
    { name: 'segments.yaml', text: print({ segments: published.map(segmentOut) }) },
    ...(present.groups.size === 0 ? [] : [{ name: GROUPS_FILE, text: print({ groups: [...present.groups.values()].map(groupOut) }) }]),
  ];
  fs.mkdirSync(folder, { recursive: true });
  const gone = present.groups.size === 0 ? [GROUPS_FILE] : [];
  const taken = [...files.map(({ name }) => name), ...gone].map((name) => path.join(folder, name)).filter((file) => fs.existsSync(file));
  if (taken.length > 0 && !replace) throw new StartError(`${taken.join(' and ')} would be replaced; say --force.`);
  for (const { name, text } of files) fs.writeFileSync(path.join(folder, name), text);
  const removed = gone.map((name) => path.join(folder, name)).filter((file) => taken.includes(file));
  for (const file of removed) fs.rmSync(file);
  return {
    files: files.map(({ name }) => path.join(folder, name)),
    removed,
    leftOut: live.filter(({ version }) => version === null).map(({ key }) => key),
  };
}

function segmentOut({ key, name, description, icon, color, kind, rule }: PresentSegment): object {
  return {
    key,
    name,
    ...given({ description, icon, color }),
    ...(kind === 'manual' ? { kind } : { rule: `${rule.text.trimEnd()}\n` }),
  };
}

function groupOut({ key, name, segments, otherwise }: PresentGroup): object {
  return { key, name, segments, ...given({ otherwise }) };
}

function given(fields: Readonly<Record<string, string | null>>): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}

/** Writes rules as blocks, as they were entered: a change in one shows on its own line. */
function print(content: object): string {
  const document = new Document(content);
  visit(document, {
    Pair: (_, { key, value }) => {
      if (isScalar(key) && key.value === 'rule' && isScalar(value)) value.type = 'BLOCK_LITERAL';
    },
  });
  return document.toString({ lineWidth: 0 });
}
