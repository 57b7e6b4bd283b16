// In charge of reading segments and groups from the YAML files of a folder: their form, with every mistake at its file and line. Whether rules
// are right is for the service to say (make-plan.ts).
import fs from 'node:fs';
import path from 'node:path';
import { isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { nearestName } from '../../base/nearest-name.ts';

export interface Place {
  readonly file: string;
  readonly line: number;
}

export interface Problem extends Place {
  readonly detail: string;
}

export interface WantedSegment {
  readonly key: string;
  readonly name: string;
  readonly description: string | null;
  readonly icon: string | null;
  readonly color: string | null;
  readonly kind: 'rule' | 'manual';
  /** null: a manual segment */
  readonly rule: string | null;
  readonly archived: boolean;
  readonly place: Place;
  /** the line of the file on which the rule's first line is */
  readonly ruleLine: number;
}

export interface WantedGroup {
  readonly key: string;
  readonly name: string;
  readonly segments: readonly string[];
  readonly otherwise: string | null;
  readonly deleted: boolean;
  readonly place: Place;
}

export interface Wanted {
  readonly segments: readonly WantedSegment[];
  readonly groups: readonly WantedGroup[];
  readonly problems: readonly Problem[];
}

const KEY = /^[a-z0-9][a-z0-9_-]{0,63}$/;
const LISTS = ['segments', 'groups'] as const;
const SEGMENT_FIELDS = ['key', 'name', 'description', 'icon', 'color', 'kind', 'rule', 'archived'] as const;
const GROUP_FIELDS = ['key', 'name', 'segments', 'otherwise', 'deleted'] as const;

/** Every `.yaml` and `.yml` under the folder, in order of name. */
export function readSegmentFiles(folder: string): Wanted {
  const names = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.ya?ml$/.test(name));
  const segments: WantedSegment[] = [];
  const groups: WantedGroup[] = [];
  const problems: Problem[] = [];
  for (const name of names.sort()) {
    const reader = new FileReader(name, fs.readFileSync(path.join(folder, name), 'utf8'), problems);
    reader.read(segments, groups);
  }
  refuseTwice(segments, 'segment', problems);
  refuseTwice(groups, 'group', problems);
  return { segments, groups, problems };
}

function refuseTwice(all: readonly { readonly key: string; readonly place: Place }[], what: string, problems: Problem[]): void {
  const first = new Map<string, Place>();
  for (const { key, place } of all) {
    const before = first.get(key);
    if (before === undefined) first.set(key, place);
    else problems.push({ ...place, detail: `There is a ${what} “${key}” already, in ${before.file}, line ${before.line}.` });
  }
}

type Fields<Name extends string> = ReadonlyMap<Name, Node>;

class FileReader {
  readonly #file: string;
  readonly #text: string;
  readonly #problems: Problem[];
  readonly #lines = new LineCounter();

  constructor(file: string, text: string, problems: Problem[]) {
    this.#file = file;
    this.#text = text;
    this.#problems = problems;
  }

  read(segments: WantedSegment[], groups: WantedGroup[]): void {
    const document = parseDocument(this.#text, { lineCounter: this.#lines, prettyErrors: false });
    for (const { message, pos } of document.errors) this.#refuse(pos[0], `This is no YAML: ${message}.`);
    if (document.errors.length > 0) return;
    const root = document.contents;
    if (root === null) return; // nothing, or comments
    if (!isMap(root)) {
      this.#refuse(startOf(root), 'A file holds `segments:` or `groups:`, each with a list.');
      return;
    }
    const lists = this.#fieldsOf(root, LISTS);
    for (const map of this.#mapsOf(lists.get('segments'))) this.#add(segments, this.#readSegment(map));
    for (const map of this.#mapsOf(lists.get('groups'))) this.#add(groups, this.#readGroup(map));
  }

  #add<Value>(all: Value[], value: Value | null): void {
    if (value !== null) all.push(value);
  }

  #readSegment(map: YAMLMap): WantedSegment | null {
    const before = this.#problems.length;
    const fields = this.#fieldsOf(map, SEGMENT_FIELDS);
    const key = this.#keyOf(fields.get('key'), map);
    const name = this.#textOf(fields, 'name', 200) ?? key;
    const kind = this.#textOf(fields, 'kind', 20) ?? 'rule';
    if (kind !== 'rule' && kind !== 'manual') this.#refuse(startOf(fields.get('kind')), '`kind` is rule or manual.');
    const rule = this.#textOf(fields, 'rule', 100_000);
    const archived = this.#flag(fields, 'archived');
    if (kind === 'manual' && rule !== null)
      this.#refuse(startOf(fields.get('rule')), 'A manual segment has no rule; its members are added by hand.');
    if (kind === 'rule' && rule === null && !archived) this.#refuse(startOf(map), `Segment “${key}” has no rule.`);
    const segment: WantedSegment = {
      key,
      name,
      description: this.#textOf(fields, 'description', 4000),
      icon: this.#textOf(fields, 'icon', 64),
      color: this.#textOf(fields, 'color', 64),
      kind: kind === 'manual' ? 'manual' : 'rule',
      rule,
      archived,
      place: this.#place(startOf(map)),
      ruleLine: this.#firstLineOf(fields.get('rule')),
    };
    return this.#problems.length === before ? segment : null;
  }

  #readGroup(map: YAMLMap): WantedGroup | null {
    const before = this.#problems.length;
    const fields = this.#fieldsOf(map, GROUP_FIELDS);
    const key = this.#keyOf(fields.get('key'), map);
    const deleted = this.#flag(fields, 'deleted');
    const list = fields.get('segments');
    const segments = isSeq(list) ? list.items.map((item) => this.#keyOf(item as Node, map)) : [];
    if (!deleted && segments.length === 0)
      this.#refuse(startOf(list ?? map), `Group “${key}” needs \`segments\`, a list of keys in order.`);
    const otherwise = fields.get('otherwise');
    const group: WantedGroup = {
      key,
      name: this.#textOf(fields, 'name', 200) ?? key,
      segments,
      otherwise: otherwise === undefined || (isScalar(otherwise) && otherwise.value === null) ? null : this.#keyOf(otherwise, map),
      deleted,
      place: this.#place(startOf(map)),
    };
    return this.#problems.length === before ? group : null;
  }

  #fieldsOf<Name extends string>(map: YAMLMap, known: readonly Name[]): Fields<Name> {
    const fields = new Map<Name, Node>();
    for (const { key, value } of map.items as Pair<Node, Node | null>[]) {
      const name = isScalar(key) ? String(key.value) : '';
      const field = known.find((each) => each === name);
      const nearest = nearestName(name, known);
      if (field !== undefined && value !== null) fields.set(field, value);
      else if (field === undefined)
        this.#refuse(
          startOf(key),
          `\`${name}\` is no field here; ${nearest === undefined ? `${known.join(', ')} are` : `did you mean \`${nearest}\`?`}`,
        );
    }
    return fields;
  }

  #mapsOf(list: Node | undefined): readonly YAMLMap[] {
    if (list === undefined || (isScalar(list) && list.value === null)) return [];
    if (!isSeq(list)) {
      this.#refuse(startOf(list), 'Here stands a list.');
      return [];
    }
    return list.items.flatMap((item) => {
      if (isMap(item)) return [item];
      this.#refuse(startOf(item as Node), 'Each entry has fields, `key:` first.');
      return [];
    });
  }

  /** As it is written: a key without quotes may look like a number (`007`) and is none. */
  #keyOf(node: Node | undefined, map: Node): string {
    const value = isScalar(node) ? (typeof node.value === 'string' ? node.value : (node.source ?? '')) : '';
    if (!KEY.test(value)) this.#refuse(startOf(node ?? map), 'A key is 1–64 of a–z, 0–9, _ and -, and begins with a letter or digit.');
    return value;
  }

  #textOf<Name extends string>(fields: Fields<Name>, name: Name, most: number): string | null {
    const node = fields.get(name);
    if (node === undefined || (isScalar(node) && node.value === null)) return null;
    const value = isScalar(node) ? node.value : undefined;
    if (typeof value === 'string' && value.trim() !== '' && value.length <= most) return name === 'rule' ? value.trimEnd() : value;
    this.#refuse(
      startOf(node),
      `\`${name}\` is a text of 1 to ${most} characters; put it in quotes where YAML takes it for something else.`,
    );
    return null;
  }

  #flag<Name extends string>(fields: Fields<Name>, name: Name): boolean {
    const node = fields.get(name);
    if (node === undefined) return false;
    if (isScalar(node) && typeof node.value === 'boolean') return node.value;
    this.#refuse(startOf(node), `\`${name}\` is true or false.`);
    return false;
  }

  /** A block begins on the line after its sign. */
  #firstLineOf(node: Node | undefined): number {
    const line = this.#lines.linePos(startOf(node)).line;
    return isScalar(node) && (node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED') ? line + 1 : line;
  }

  #place(offset: number): Place {
    return { file: this.#file, line: this.#lines.linePos(offset).line };
  }

  #refuse(offset: number, detail: string): void {
    this.#problems.push({ ...this.#place(offset), detail });
  }
}

function startOf(node: Node | null | undefined): number {
  return node?.range?.[0] ?? 0;
}
