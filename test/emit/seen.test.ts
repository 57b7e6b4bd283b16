// What the emitted statement tells about the values that conditions compared: the same as an explanation finds, whatever Postgres prints.
import { describe, expect, it } from 'vitest';
import type { EmittedEvaluation } from '../../src/rules/emit.ts';
import { emitExplanation } from '../../src/rules/emit-explanation.ts';
import { emitRecorded } from '../../src/rules/emit-recorded.ts';
import { type RecordedSeen, readRecords, type SeenPlan, seenOf, type Told } from '../../src/rules/emit-seen.ts';
import type { SeenCondition } from '../../src/rules/explain-rule.ts';
import { todayOf } from '../../src/rules/plan.ts';
import { customerKeyOf } from '../oracle/world.ts';
import { checkText } from './check-text.ts';
import { catalog, emit, IDS, MEMBERS, NOW, SEGMENT_IDS, useShop, ZONE } from './shop-of-four.ts';

const shop = useShop();

describe('what is seen', () => {
  interface Sight {
    readonly id: string;
    readonly told: Told;
  }

  async function see(emitted: EmittedEvaluation): Promise<readonly Sight[]> {
    const rows = await shop.database.query<{ customer_id: string; want: number[]; seen: string }>({
      text: `select e.customer_id, e.want, ${emitted.seen} as seen from (${emitted.text}) as e`,
      values: emitted.bind({ ...MOMENT, customers: { keys: IDS.map(customerKeyOf) } }),
    });
    return rows.map(({ customer_id, want, seen }) => ({
      id: customer_id,
      told: { records: readRecords(seen), want: new Set(want), asOfMs: MOMENT.asOfMs, today: todayOf(MOMENT) },
    }));
  }

  const MOMENT = { asOfMs: Date.parse(NOW), timeZone: ZONE };

  it('is what an explanation sees', async () => {
    const rules = Object.keys(MEMBERS);
    const ids = rules.map((_, place) => place + 1);
    const emitted = emit(rules, { told: new Set(ids) });
    const sights = await see(emitted);
    expect(sights).toHaveLength(IDS.length);
    for (const [place, rule] of rules.entries()) {
      const checked = checkText(rule, catalog);
      const explanation = emitExplanation(checked, SEGMENT_IDS);
      const explained = await shop.database.query<{ customer_id: string; seen: SeenCondition[] }>({
        text: explanation.text,
        values: explanation.bind({ ...MOMENT, customers: { keys: IDS.map(customerKeyOf) } }),
      });
      for (const { id, told } of sights) {
        const { at, saw } = JSON.parse(seenOf(emitted.seenPlan, told, place + 1) ?? '{}') as RecordedSeen;
        expect(at).toBe(MOMENT.asOfMs);
        const recorded = emitRecorded(checked, saw, MOMENT);
        const [row] = recorded === null ? [] : await shop.database.query<{ holds: boolean[] }>(recorded);
        const judged = saw.map((values, index) => [row?.holds[index], ...values]);
        expect({ rule, id, seen: judged }).toEqual({ rule, id, seen: explained.find((each) => each.customer_id === id)?.seen });
      }
    }
  });

  it('outgrows a record and a group', async () => {
    const rules = Array.from(
      { length: 650 },
      (_, n) => `attributes.points + ${n} > 5 or attributes.tier = "gold" or attributes.points - ${n} > 5`,
    );
    const emitted = emit(rules, { told: new Set([1, 550, 650]) });
    const all = emit(rules, { told: new Set(rules.map((_, place) => place + 1)) });
    for (const each of [emitted, all]) {
      const ann = (await see(each)).find(({ id }) => id === customerKeyOf('ann'));
      const told = [1, 2, 550, 650].map((id) => ann && seenOf(each.seenPlan, ann.told, id));
      const seen = (n: number) => `{"at":${MOMENT.asOfMs},"saw":[["${12.5 + n}"],["gold"],["${12.5 - n}"]]}`;
      expect(told).toEqual([seen(0), each === all ? seen(1) : null, seen(549), seen(649)]);
    }
  });

  it('is not judged as another type', async () => {
    const checked = checkText('attributes.points > 5', catalog);
    expect(emitRecorded(checked, [['many']], MOMENT)).toBeNull();
    expect(emitRecorded(checked, [[true]], MOMENT)).toBeNull();
    expect(emitRecorded(checked, [['12.5']], MOMENT)).not.toBeNull();
  });
});

describe('numbers that were told', () => {
  const CUSTOMER = { want: new Set<number>(), asOfMs: 7, today: todayOf({ asOfMs: Date.parse(NOW), timeZone: ZONE }) };
  const PLAN: SeenPlan = new Map([[1, [{ kind: 'values', values: [{ record: 0, place: 0, type: 'number', scale: 4 }] }]]]);
  const told = (number: string): Told => ({ ...CUSTOMER, records: [[number]] });

  it.each([
    ['0', '0'],
    ['-0', '0'],
    ['1', '0.0001'],
    ['-12', '-0.0012'],
    ['10000', '1'],
    ['5999900', '599.99'],
    ['123456789012345678901234567890', '12345678901234567890123456.789'],
    ['1.50', '0.00015'],
  ])('%s lose no digit', (number, units) => {
    expect(seenOf(PLAN, told(number), 1)).toBe(`{"at":7,"saw":[["${units}"]]}`);
  });
});

describe('records as Postgres prints them', () => {
  it.each([
    [['plain', 'two words', '"', '\\', '""\\"']],
    [[',', '(', ')', '),(', '","', 'a,b)(c']],
    [[null, '', ' ', null]],
    [[null]],
    [['']],
    [['line\nbreak', '\t', '国', '🙂', "it's", '{"f1":5}']],
    [['[1, "a"]', null, '-12.50', 't']],
  ])('are read back: %j', async (values) => {
    const places = values.map((_, index) => `$${index + 1}::text`).join(', ');
    const text = `select row(${places})::text || row(1, 'x y')::text as seen`;
    const [row] = await shop.database.query<{ seen: string }>({ text, values });
    expect(readRecords(row?.seen ?? '')).toEqual([values, ['1', 'x y']]);
  });
});
