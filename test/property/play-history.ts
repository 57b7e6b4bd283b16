// In charge of playing a random history: each step is done to Strata and to the model, and recorded for the message of a failure. The steps are
// in history-steps.ts, what must hold after them in compare-history.ts.
import { expect } from 'vitest';
import { isOutage } from '../../src/api/rest/outage.ts';
import { TestClock } from '../../src/base/clock.ts';
import { countNotedChanges } from '../../src/changes/count-noted-changes.ts';
import { blankDueExits } from '../../src/changes/erasures.ts';
import { moveOutbox } from '../../src/changes/publisher.ts';
import { AppError } from '../../src/errors.ts';
import { settleProgram } from '../../src/evaluation/settle-program.ts';
import type { Facts } from '../../src/ingest/facts.ts';
import { evaluateDue, nextDueMs } from '../../src/membership/due.ts';
import { runOpenRuns } from '../../src/membership/full-run.ts';
import { settlePending } from '../../src/membership/settle-pending.ts';
import { erase, evaluatePending, move, pin, readSegments, write, writeDeferred, writeTogether } from '../../src/pipeline.ts';
import type { Rule } from '../../src/rules/ast.ts';
import { namedInRule } from '../../src/rules/named-in-rule.ts';
import { ruleToJson } from '../../src/rules/print-json.ts';
import { printRule } from '../../src/rules/print-text.ts';
import { createSegment } from '../../src/segments/create-segment.ts';
import { changeGroup, createGroup, deleteGroup } from '../../src/segments/groups.ts';
import {
  archiveSegment,
  cancelRun,
  pauseSegment,
  queueConstantFlips,
  refreshSegment,
  resumeSegment,
} from '../../src/segments/lifecycle.ts';
import { queueMove } from '../../src/segments/queue-move.ts';
import { listOpenRuns } from '../../src/segments/runs.ts';
import { getSegment } from '../../src/segments/segments.ts';
import { addVersion, publishVersion } from '../../src/segments/versions.ts';
import type { Strata } from '../../src/strata.ts';
import type { TestDatabase } from '../database.ts';
import { factsAt } from '../oracle/arbitrary-shop.ts';
import { pinnedElsewhere, withPin } from '../oracle/hand.ts';
import { addDays, dayStartMs, localDate } from '../oracle/local-days.ts';
import type { Shop } from '../oracle/shop.ts';
import { customerKeyOf, type Moment, type Standpoint } from '../oracle/world.ts';
import { compareFacts } from './compare-facts.ts';
import { compareHistory, storedMemberships } from './compare-history.ts';
import { cutAfter } from './cut-connection.ts';
import { findNothing } from './find-nothing.ts';
import { HistoryModel } from './history-model.ts';
import { type History, MANUAL, RULES, type Step, type StepOf, type Wait } from './history-steps.ts';
import { openAgain, openEmpty } from './open-empty.ts';

/** So small that a run of a dozen customers has pieces to be interrupted between. */
const SMALL = { chunkCustomers: 5, pieceCustomers: 2 };
const LONGEST_MS = 3_000 * 86_400_000;
const IMPORT = '1';

export class Play {
  readonly model: HistoryModel;
  readonly #test: TestDatabase;
  readonly #clock: TestClock;
  readonly #moment: Moment;
  readonly #story: string[] = [];
  #strata: Strata;

  private constructor(test: TestDatabase, clock: TestClock, strata: Strata, { moment, rules }: History) {
    this.#test = test;
    this.#clock = clock;
    this.#moment = moment;
    this.#strata = strata;
    this.model = new HistoryModel(moment.timeZone, rules);
  }

  static async start(test: TestDatabase, history: History): Promise<Play> {
    const { database } = test;
    const clock = new TestClock(history.moment.asOfMs);
    const empty = await openEmpty(database, clock, history.moment.timeZone);
    await empty.close();
    const strata = await openAgain(database, clock, history.moment.timeZone, SMALL);
    await createSegment(database, clock, { key: MANUAL, name: MANUAL, kind: 'manual', rule: null, publish: true, author: null });
    for (const [place, segment] of RULES.entries()) {
      const rule = printRule(history.rules[place] as Rule);
      await createSegment(database, clock, { key: segment, name: segment, kind: 'rule', rule, publish: true, author: null });
    }
    const play = new Play(test, clock, strata, history);
    await play.#settle();
    return play;
  }

  close(): Promise<void> {
    return this.#strata.close();
  }

  /** Does the step; unless it leaves something to be found late, settles and compares everything. */
  async take(step: Step): Promise<void> {
    this.#tell(step);
    if (!LATE_STEPS.has(step.kind)) await this.#settle();
    await this.#do(step);
    await findNothing(this.#strata, this.failure('what the self-check finds before anything is caught up'));
    if ('settle' in step && !step.settle) return this.#readOne();
    await this.#settle();
    await compareHistory(this.#test.database, this.model, this.#nowMs, (what) => this.failure(what));
  }

  failure(what: string): string {
    const { rules, hand, standing } = this.model;
    return [
      what,
      `at ${new Date(this.#nowMs).toISOString()} ${this.#moment.timeZone}`,
      ...[...rules].map(([segment, rule]) => `${segment}: ${printRule(rule)}`),
      JSON.stringify({ group: hand.group, pins: [...hand.pins], standing: [...standing] }),
      `from ${new Date(this.#moment.asOfMs).toISOString()}:`,
      ...this.#story,
    ].join('\n');
  }

  get #nowMs(): number {
    return this.#clock.nowMs();
  }

  #tell(step: Step): void {
    const unreadable = ['facts', 'rule'];
    this.#story.push(JSON.stringify(step, (name, value: unknown) => (unreadable.includes(name) ? undefined : value)));
    const rule = 'rule' in step ? step.rule : 'publish' in step ? step.publish?.rule : undefined;
    if (rule !== undefined) this.#story.push(`  ${printRule(rule)}`);
  }

  async #do(step: Step): Promise<void> {
    switch (step.kind) {
      case 'write':
        return this.#write(step);
      case 'import':
        return this.#import(step);
      case 'wait':
        return this.#wait(step.wait);
      case 'erase':
        return this.#erase(step.index);
      case 'publish':
      case 'roll back':
        return this.#publish(step);
      case 'refresh':
        await this.#refusable(() => refreshSegment(this.#test.database, this.#clock, step.segment));
        return;
      case 'interrupt':
        return this.#interrupt(step);
      case 'cancel':
        return this.#cancel(step);
      case 'pause':
      case 'resume':
      case 'archive':
        return this.#stand(step);
      case 'pin':
        return this.#pin(step);
      case 'move':
        return this.#move(step);
      case 'move all':
        return this.#moveAll(step);
      case 'group':
        return this.#regroup(step);
    }
  }

  // -------------------------------------------------------------- facts and time

  #factsOf(step: StepOf<'write'> | StepOf<'import'>): Facts {
    const standpoint: Standpoint = { nowMs: this.#nowMs, startMs: this.#moment.asOfMs, timeZone: this.#moment.timeZone };
    const facts = factsAt(step.facts, standpoint);
    this.#story.push(`  ${JSON.stringify(facts)}`);
    return facts;
  }

  /** The answer to a write must be right for whom it touched, whatever else is still to be done. */
  async #write(step: StepOf<'write'>): Promise<void> {
    const facts = this.#factsOf(step);
    if (step.cutAfter !== null) return this.#writeAndCut(facts, step.cutAfter);
    const touched = touchedKeys(this.model.shop, facts);
    const outcome = await write(this.#strata, facts);
    this.model.write(facts, this.#nowMs);
    expect([...outcome.segments.keys()].sort(), this.failure('whom the write touched')).toEqual([...touched].sort());
    for (const [key, segments] of outcome.segments) {
      expect(segments, this.failure(`answer to the write, for ${key}`)).toEqual([...this.model.memberships(key, this.#nowMs)]);
    }
  }

  /** Whole or not at all, and nobody was told which. */
  async #writeAndCut(facts: Facts, statements: number): Promise<void> {
    const { database } = this.#test;
    const { database: breaking, ended } = cutAfter(database, statements);
    const cut = { ...this.#strata, database: breaking };
    const piece = { facts, record: undefined, answerOf: undefined };
    const failed = await writeTogether(cut, [piece]).then(() => false, wasCut);
    await ended();
    const before = this.model.shop;
    this.model.write(facts, this.#nowMs);
    if (!failed || (await this.#holdsFacts())) return;
    this.model.shop = before;
    this.#story.push('  it was cut before its commit');
  }

  async #holdsFacts(): Promise<boolean> {
    return compareFacts(this.#test.database, this.model.shop, '').then(
      () => true,
      () => false,
    );
  }

  async #import(step: StepOf<'import'>): Promise<void> {
    const facts = this.#factsOf(step);
    await writeDeferred(this.#strata, facts, IMPORT);
    if (!step.dies) await evaluatePending(this.#strata, IMPORT);
    this.model.write(facts, this.#nowMs);
  }

  async #wait(wait: Wait): Promise<void> {
    const toMs = Math.max(this.#nowMs, (await this.#targetMs(wait)) + wait.thenMs);
    this.#clock.set(Math.min(toMs, this.#moment.asOfMs + LONGEST_MS));
    this.#story.push(`  until ${new Date(this.#nowMs).toISOString()}`);
  }

  async #targetMs(wait: Wait): Promise<number> {
    const { timeZone } = this.#moment;
    switch (wait.by) {
      case 'length':
        return this.#nowMs + wait.lengthMs;
      case 'days':
        return dayStartMs(addDays(localDate(this.#nowMs, timeZone), wait.days), timeZone);
      case 'look':
        return (await nextDueMs(this.#test.database)) ?? this.#nowMs + 86_400_000;
    }
  }

  async #erase(index: number): Promise<void> {
    const { customers } = this.model.shop;
    const erased = customers[index % Math.max(customers.length, 1)];
    if (erased === undefined) return;
    this.#story.push(`  ${erased.id}`);
    await erase(this.#strata, erased.id);
    this.model.erase(erased);
  }

  // -------------------------------------------------------------- versions and runs

  async #publish(step: StepOf<'publish'> | StepOf<'roll back'>): Promise<void> {
    const { database } = this.#test;
    const versions = this.model.versions.get(step.segment) ?? [];
    let number: number;
    if (step.kind === 'publish') {
      number = await addVersion(database, this.#clock, step.segment, { rule: ruleToJson(step.rule), author: null });
      versions.push(step.rule);
    } else {
      number = 1 + (step.index % versions.length);
      this.#story.push(`  to ${number}`);
    }
    await this.#strata.programs.reload();
    await settleProgram(database, this.#strata.programs, this.#strata.timeZone); // so that the version stands aside from the others
    const rule = versions[number - 1] as Rule;
    const namesPaused = [...namedInRule(rule).segments].some((key) => this.model.standingOf(key) === 'paused');
    const isPublished = await this.#refusable(() => publishVersion(database, this.#clock, step.segment, number));
    if (isPublished === namesPaused) throw new Error(`publishing ${step.segment} was ${isPublished ? 'accepted' : 'refused'}`);
    if (isPublished) this.model.publish(step.segment, rule);
  }

  async #refusable(work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      this.#story.push(`  refused: ${error.code}`);
      return false;
    }
  }

  async #publishFirst({ publish }: StepOf<'interrupt' | 'cancel'>): Promise<void> {
    if (publish !== null) await this.#publish({ kind: 'publish', ...publish, settle: false });
  }

  /** A process that dies in the middle of everything it had to do; another begins where it was. */
  async #interrupt(step: StepOf<'interrupt'>): Promise<void> {
    await this.#publishFirst(step);
    await this.#runSome(step.afterPieces, step.cutAfter);
    await this.#strata.close();
    this.#strata = await openAgain(this.#test.database, this.#clock, this.#moment.timeZone, SMALL);
  }

  /** The open runs up to so many looks at whether to stop, or statements. */
  async #runSome(afterPieces: number, statements: number | null): Promise<void> {
    const signal = abortAfter(afterPieces);
    const cut = statements === null ? null : cutAfter(this.#test.database, statements);
    const deciding = cut === null ? this.#strata : { ...this.#strata, database: cut.database };
    try {
      await runOpenRuns(deciding, signal);
    } catch (error) {
      if (statements === null) throw error;
      this.#story.push(`  it was cut: ${wasCut(error)}`);
    }
    await cut?.ended(); // on a starved machine it may else commit behind the looks at what it has left
  }

  async #cancel(step: StepOf<'cancel'>): Promise<void> {
    await this.#publishFirst(step);
    await this.#runSome(step.afterPieces, null);
    const open = await listOpenRuns(this.#test.database);
    const run = open[step.index % Math.max(open.length, 1)];
    if (run === undefined || run.cause === 'move') return;
    this.#story.push(`  ${run.segment}, ${run.cause}`);
    if (!(await this.#refusable(() => cancelRun(this.#test.database, this.#clock, run.id)))) return;
    const { status } = await getSegment(this.#test.database, run.segment);
    if (status === 'paused') this.model.stand(run.segment, 'paused', await this.#membersOf(run.segment));
  }

  async #stand({ kind, segment }: StepOf<'pause' | 'resume' | 'archive'>): Promise<void> {
    const { database } = this.#test;
    const members = await this.#membersOf(segment);
    if (kind === 'pause') {
      if (await this.#refusable(() => pauseSegment(database, this.#clock, segment))) this.model.stand(segment, 'paused', members);
    } else if (kind === 'resume') {
      if (await this.#refusable(() => resumeSegment(database, this.#clock, segment))) this.model.live(segment);
    } else if (await this.#refusable(() => archiveSegment(database, this.#clock, segment))) {
      this.model.stand(segment, 'archived', new Set());
    }
  }

  async #membersOf(segment: string): Promise<ReadonlySet<string>> {
    const stored = await storedMemberships(this.#test.database);
    return new Set([...stored].filter(([, keys]) => keys.includes(segment)).map(([key]) => key));
  }

  // -------------------------------------------------------------- by hand

  async #regroup({ group }: StepOf<'group'>): Promise<void> {
    const { database } = this.#test;
    if (group !== null) {
      const change = this.model.hand.group === null ? createGroup : changeGroup;
      await change(database, this.#clock, 'g', { name: 'g', ...group }, null);
    } else if (this.model.hand.group !== null) await deleteGroup(database, this.#clock, 'g');
    this.model.hand = { ...this.model.hand, group };
  }

  async #pin({ wish, segment, customerId, replace, forMs }: StepOf<'pin'>): Promise<void> {
    const { model } = this;
    const isRelease = wish === 'release' || (wish === 'remove' && segment === MANUAL);
    const untilMs = forMs === null || isRelease ? null : this.#nowMs + forMs;
    const request = { segment, customerId, wish, actor: 'test', reason: null, untilMs, replace };
    const say = () => pin(this.#strata, request);
    const key = customerKeyOf(customerId);
    if (model.standingOf(segment) !== 'live') return this.#refused(say, 'conflict');
    if (model.customerOf(customerId) === undefined) return this.#refused(say, 'not_found');
    const others = wish === 'add' ? pinnedElsewhere(model.hand, key, segment, this.#nowMs) : [];
    const standing = model.hand.pins.get(`${key} ${segment}`);
    const isSame = standing?.include === (wish === 'add') && standing.untilMs === untilMs && !isRelease;
    if (others.length > 0 && !replace && !isSame) return this.#refused(say, 'pinned_elsewhere');
    await say();
    if (!isSame) for (const other of others) model.hand = withPin(model.hand, key, other, null);
    model.hand = withPin(model.hand, key, segment, isRelease ? null : { include: wish === 'add', untilMs });
  }

  async #refused(work: () => Promise<unknown>, code: string): Promise<void> {
    const error: unknown = await work().then(() => null, (refusal: unknown) => refusal); // biome-ignore format: one look
    expect(error instanceof AppError ? error.code : error, this.failure('what is to be refused')).toBe(code);
  }

  async #move(step: StepOf<'move'>): Promise<void> {
    const untilMs = step.forMs === null ? null : this.#nowMs + step.forMs;
    const request = { ...step, actor: 'test', reason: null, untilMs, partial: true, replace: true };
    if (this.#standsStill(step)) return this.#refused(() => move(this.#strata, request), 'conflict');
    const movable = this.model.shop.customers.filter(({ id, key }) => step.customerIds.includes(id) && this.#now(key).has(step.from));
    const { moved } = await move(this.#strata, request);
    expect(moved, this.failure('how many were moved')).toBe(movable.length);
    for (const { key } of movable) this.model.move(key, step, untilMs, this.#nowMs);
  }

  /** The run has to come to its end before anything else is said. */
  async #moveAll(step: StepOf<'move all'>): Promise<void> {
    const { database } = this.#test;
    const untilMs = step.forMs === null ? null : this.#nowMs + step.forMs;
    const request = { ...step, rule: ruleToJson(step.rule), actor: 'test', reason: null, untilMs, replace: true };
    if (this.#standsStill(step)) return this.#refused(() => queueMove(database, this.#clock, request), 'conflict');
    const movable = this.model.shop.customers.filter((customer) => {
      const members = this.#now(customer.key);
      return members.has(step.from) && this.model.holds(customer, step.rule, members, this.#nowMs);
    });
    await queueMove(database, this.#clock, request);
    for (const { key } of movable) this.model.move(key, step, untilMs, this.#nowMs);
  }

  #standsStill({ from, to }: { readonly from: string; readonly to: string }): boolean {
    return [from, to].some((segment) => this.model.standingOf(segment) !== 'live');
  }

  #now(key: string): ReadonlySet<string> {
    return this.model.memberships(key, this.#nowMs);
  }

  // -------------------------------------------------------------- settling and reading

  /** What the leading process does in the background, by hand until nothing is left to do at this instant. */
  async #settle(): Promise<void> {
    const { database } = this.#test;
    const fail = (error: unknown) => {
      throw error;
    };
    await settlePending(this.#strata, IMPORT);
    while ((await evaluateDue(this.#strata, { onFailure: fail })).customers > 0);
    await queueConstantFlips(database, this.#clock, this.#nowMs);
    while (await runOpenRuns(this.#strata, new AbortController().signal));
    await countNotedChanges(database.pool, this.#moment.timeZone); // what the last settling has numbered; what this one does is read uncounted
    while ((await moveOutbox(database.pool)) > 0);
    while ((await blankDueExits(database, this.#clock)) > 0);
  }

  /** A read of a customer finds nobody late, whatever the leader has not come to; files, and runs of new definitions, that are under way have to end first. */
  async #readOne(): Promise<void> {
    const { database } = this.#test;
    const [customer] = this.model.shop.customers;
    const [pending] = await database.query({ text: 'select from pending limit 1' });
    if (customer === undefined || pending !== undefined) return;
    if ((await listOpenRuns(database)).some((run) => run.cause !== 'time')) return;
    const found = await readSegments(this.#strata, customer.key);
    const keys = found?.segments.map(({ key }) => key);
    expect(keys, this.failure(`what a reader of ${customer.id} sees`)).toEqual([...this.#now(customer.key)]);
  }
}

/** These find what the step before left behind; before any other everything is settled. */
const LATE_STEPS: ReadonlySet<Step['kind']> = new Set(['write', 'import', 'wait', 'erase', 'publish', 'roll back', 'interrupt', 'cancel']);

/** Throws what is anything else. */
function wasCut(error: unknown): true {
  if (isOutage(error)) return true;
  throw error;
}

/** Aborts when it has been asked so often. */
function abortAfter(looks: number): AbortSignal {
  let left = looks;
  const { signal } = new AbortController();
  return new Proxy(signal, {
    get: (target, name) => {
      if (name !== 'aborted') return Reflect.get(target, name, target);
      left -= 1;
      return left < 0;
    },
  });
}

/** Whom the facts name, and who had the orders that they write or delete. */
function touchedKeys(before: Shop, facts: Facts): ReadonlySet<string> {
  const written = new Set([...facts.orders.map((order) => order.id), ...facts.deletedOrderIds]);
  return new Set([
    ...facts.customers.map((customer) => customer.key),
    ...[...facts.orders, ...facts.events].map((row) => row.customerKey),
    ...before.orders.filter((order) => written.has(order.id)).map((order) => order.customerKey),
  ]);
}
