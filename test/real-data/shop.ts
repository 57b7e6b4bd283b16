// In charge of a service filled with a real shop through the API: imports as files, segments in words, members read back.
import { expect } from 'vitest';
import { built, type Service, startService } from '../api/service.ts';

export interface RealShop {
  readonly service: Service;
  /** NDJSON through POST /v1/imports; every row must be taken. */
  importRows(kind: 'customers' | 'orders' | 'events', rows: readonly object[]): Promise<void>;
  /** Defines and publishes the rule, waits for it, and returns the members' ids in order. */
  membersOf(key: string, rule: string): Promise<string[]>;
}

export async function openRealShop(): Promise<RealShop> {
  const service = await startService();
  return {
    service,
    importRows: async (kind, rows) => {
      const body = rows.map((row) => JSON.stringify(row)).join('\n');
      const answer = await service.call('POST', `/v1/imports/${kind}`, body, { 'content-type': 'application/x-ndjson' });
      expect(answer.status, answer.text).toBe(200);
      expect(answer.body).toMatchObject({ rows: rows.length, accepted: rows.length, rejected: 0 });
    },
    membersOf: async (key, rule) => {
      const made = await service.call('POST', '/v1/segments', { key, name: key, kind: 'rule', rule, publish: true });
      expect(made.status, made.text).toBe(201);
      await built(service, key);
      return readMembers(service, key);
    },
  };
}

async function readMembers(service: Service, key: string): Promise<string[]> {
  const ids: string[] = [];
  for (let after = ''; ; ) {
    const page = await service.call('GET', `/v1/segments/${key}/members?limit=1000${after}`);
    expect(page.status, page.text).toBe(200);
    ids.push(...page.body.data.map((member: { customerId: string }) => member.customerId));
    if (page.body.next === null) return ids.sort();
    after = `&after=${encodeURIComponent(page.body.next)}`;
  }
}
