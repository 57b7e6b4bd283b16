// In charge of reading what a service has: its segments with the rules in force, and its groups, over HTTP.
import type { ApiClient } from '../api-client.ts';

export interface PresentSegment {
  readonly key: string;
  readonly name: string;
  readonly description: string | null;
  readonly icon: string | null;
  readonly color: string | null;
  readonly kind: 'rule' | 'manual';
  readonly status: 'draft' | 'building' | 'active' | 'paused' | 'failed' | 'archiving' | 'archived';
  readonly memberCount: number;
  /** the published one */
  readonly version: number | null;
  /** from the published version, otherwise from the newest */
  readonly rule: { readonly number: number; readonly text: string; readonly json: unknown };
}

export interface PresentGroup {
  readonly key: string;
  readonly name: string;
  readonly segments: readonly string[];
  readonly otherwise: string | null;
}

export interface Present {
  readonly segments: ReadonlyMap<string, PresentSegment>;
  readonly groups: ReadonlyMap<string, PresentGroup>;
}

type SegmentAnswer = Omit<PresentSegment, 'rule'> & { readonly draft: number | null };

export async function readPresent(api: ApiClient): Promise<Present> {
  const segments = new Map<string, PresentSegment>();
  for (const segment of await readAll<SegmentAnswer>(api, '/v1/segments')) {
    const number = segment.version ?? segment.draft ?? 1;
    const { text, json } = await api.call('GET', `/v1/segments/${segment.key}/versions/${number}`);
    segments.set(segment.key, { ...segment, rule: { number, text: String(text), json } });
  }
  const groups = await readAll<PresentGroup>(api, '/v1/groups');
  return { segments, groups: new Map(groups.map((group) => [group.key, group])) };
}

async function readAll<Row>(api: ApiClient, path: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (let after = ''; ; ) {
    const { data, next } = await api.call('GET', `${path}?limit=1000${after}`);
    rows.push(...(data as Row[]));
    if (typeof next !== 'string') return rows;
    after = `&after=${encodeURIComponent(next)}`;
  }
}
