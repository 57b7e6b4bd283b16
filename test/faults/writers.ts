// In charge of the load on facts: writers that each own their customers, orders and events, and note in the ledger what they were told. Every
// operation marks what it writes with its own number, so that it can be found again.
import { systemClock } from '../../src/base/clock.ts';
import type { SeededRandom } from '../../src/base/seeded-random.ts';
import { type Answer, type Caller, outcomeOf } from './caller.ts';
import type { Ledger } from './ledger.ts';

export interface Load {
  readonly caller: Caller;
  readonly ledger: Ledger;
  /** the next operation's number, as its mark */
  nextMark(): string;
}

const CUSTOMERS_EACH = 8;
const ORDERS_EACH = 30;
const BATCH = 6;
const IMPORTED = 40;
const ONCE_TRIES = 20;

/** Writes until the signal aborts, one operation after the other. */
export async function writeFacts(load: Load, name: string, random: SeededRandom, signal: AbortSignal): Promise<void> {
  const writer = { load, name, random };
  while (!signal.aborted) {
    const answer = await writeSomething(writer);
    if (answer.status === 0 || answer.status >= 500) await systemClock.sleep(100); // as a caller who was told to try again
  }
}

interface Writer {
  readonly load: Load;
  readonly name: string;
  readonly random: SeededRandom;
}

function writeSomething(writer: Writer): Promise<Answer> {
  const choice = writer.random.below(22);
  if (choice < 6) return putOrder(writer);
  if (choice < 9) return putCustomer(writer);
  if (choice < 12) return postOrders(writer);
  if (choice < 14) return postEvents(writer);
  if (choice < 16) return deleteOrder(writer);
  if (choice < 17) return postCustomers(writer);
  if (choice < 18) return importOrders(writer);
  if (choice < 19) return eraseAndReturn(writer);
  if (choice < 21) return postOnce(writer);
  return choose(writer);
}

const customerId = ({ name, random }: Writer) => `${name}-c${random.below(CUSTOMERS_EACH)}`;
const orderId = ({ name, random }: Writer) => `${name}-o${random.below(ORDERS_EACH)}`;

function order(writer: Writer, id: string, mark: string) {
  const { random } = writer;
  const placedAt = new Date(systemClock.nowMs() - 2000 + random.below(2500)).toISOString();
  return { id, customerId: customerId(writer), channel: mark, status: random.pick(['paid', 'open']), total: random.below(400), placedAt };
}

async function putOrder(writer: Writer): Promise<Answer> {
  const { load } = writer;
  const mark = load.nextMark();
  const { id, ...body } = order(writer, orderId(writer), mark);
  const answer = await load.caller.call('PUT', `/v1/orders/${id}`, body);
  load.ledger.note(new Map([[`order ${id}`, mark]]), outcomeOf(answer));
  return answer;
}

async function putCustomer(writer: Writer): Promise<Answer> {
  const { load, random } = writer;
  const mark = load.nextMark();
  const id = customerId(writer);
  const answer = await load.caller.call('PUT', `/v1/customers/${id}`, { country: random.pick(['CN', 'DE', null]), city: mark });
  load.ledger.note(new Map([[`customer ${id}`, mark]]), outcomeOf(answer));
  return answer;
}

async function postOrders(writer: Writer): Promise<Answer> {
  const { load } = writer;
  const mark = load.nextMark();
  const ids = [...new Set(Array.from({ length: BATCH }, () => orderId(writer)))];
  const answer = await load.caller.call('POST', '/v1/orders', { data: ids.map((id) => order(writer, id, mark)) });
  load.ledger.note(new Map(ids.map((id) => [`order ${id}`, mark])), outcomeOf(answer));
  return answer;
}

async function postCustomers(writer: Writer): Promise<Answer> {
  const { load, random } = writer;
  const mark = load.nextMark();
  const ids = [...new Set(Array.from({ length: BATCH }, () => customerId(writer)))];
  const data = ids.map((id) => ({ id, country: random.pick(['CN', 'DE']), city: mark }));
  const answer = await load.caller.call('POST', '/v1/customers', { data });
  load.ledger.note(new Map(ids.map((id) => [`customer ${id}`, mark])), outcomeOf(answer));
  return answer;
}

async function postEvents(writer: Writer): Promise<Answer> {
  const { load, name, random } = writer;
  const mark = load.nextMark();
  const ids = Array.from({ length: BATCH }, (_, n) => `${name}-e${mark}-${n}`);
  const occurredAt = new Date(systemClock.nowMs() - random.below(3000)).toISOString();
  const data = ids.map((id) => ({ id, customerId: customerId(writer), name: 'view', occurredAt, properties: { mark } }));
  const answer = await load.caller.call('POST', '/v1/events', { data });
  load.ledger.note(new Map(ids.map((id) => [`event ${id}`, mark])), outcomeOf(answer));
  return answer;
}

/** An event without an id, sent again under one key, to whichever process, until it is answered: it is there once. */
async function postOnce(writer: Writer): Promise<Answer> {
  const { load, name } = writer;
  const mark = load.nextMark();
  const body = { data: [{ customerId: customerId(writer), name: 'view', properties: { once: mark } }] };
  for (let tries = 1; ; tries += 1) {
    const answer = await load.caller.callOnce('POST', '/v1/events', body, `${name}-${mark}`);
    const isDone = answer.body?.code === 'answer_lost';
    const outcome = isDone ? 'answered' : answer.body?.code === 'in_progress' ? 'unknown' : outcomeOf(answer);
    if (outcome !== 'unknown' || tries === ONCE_TRIES) {
      load.ledger.note(new Map([[`once ${mark}`, '1']]), outcome);
      return answer;
    }
    await systemClock.sleep(100);
  }
}

async function deleteOrder(writer: Writer): Promise<Answer> {
  const { load } = writer;
  const id = orderId(writer);
  const answer = await load.caller.call('DELETE', `/v1/orders/${id}`);
  if (answer.status === 404) load.ledger.note(new Map([[`order ${id}`, null]]), 'answered');
  else load.ledger.note(new Map([[`order ${id}`, null]]), outcomeOf(answer));
  return answer;
}

/** Lines of orders, which wait in the database until the file has ended; half of the files are all or nothing. */
async function importOrders(writer: Writer): Promise<Answer> {
  const { load, name, random } = writer;
  const mark = load.nextMark();
  const atomic = random.below(2) === 0;
  const ids = Array.from({ length: IMPORTED }, (_, n) => `${name}-i${n}`);
  const placedAt = new Date(systemClock.nowMs() - 86_400_000).toISOString();
  const customers = ids.map(() => customerId(writer));
  const line = (id: string, n: number) => `${id},${customers[n]},${mark},${placedAt},1,${random.below(90)}`;
  const lines = [...ids.map(line), ...ids.map(line)];
  const file = ['id,customerId,channel,placedAt,items.quantity,items.unitPrice', ...lines].join('\n');
  const answer = await load.caller.call('POST', `/v1/imports/orders?atomic=${atomic}`, file, 'text/csv');
  load.ledger.note(new Map(ids.map((id) => [`order ${id}`, mark])), outcomeOf(answer), atomic);
  if (answer.status === 200 && (answer.body.rows !== lines.length || answer.body.rejected !== 0)) {
    load.caller.wrong.push(`an import of ${lines.length} lines: ${JSON.stringify(answer.body)}`);
  }
  return answer;
}

/** A person comes with an order and is erased; both are there or gone together. */
async function eraseAndReturn(writer: Writer): Promise<Answer> {
  const { load, name, random } = writer;
  const id = `${name}-x${random.below(3)}`;
  const mark = load.nextMark();
  if (random.below(2) === 0) {
    const answer = await load.caller.call('DELETE', `/v1/customers/${id}`);
    const gone = new Map([
      [`customer ${id}`, null],
      [`order ${id}`, null],
    ]);
    load.ledger.note(gone, answer.status === 404 ? 'answered' : outcomeOf(answer));
    return answer;
  }
  const come = await load.caller.call('PUT', `/v1/customers/${id}`, { city: mark });
  load.ledger.note(new Map([[`customer ${id}`, mark]]), outcomeOf(come));
  if (outcomeOf(come) !== 'answered') return come;
  const answer = await load.caller.call('PUT', `/v1/orders/${id}`, { customerId: id, channel: mark, total: 1 });
  load.ledger.note(new Map([[`order ${id}`, mark]]), outcomeOf(answer));
  return answer;
}

/** In or out of a manual segment, by hand. */
async function choose(writer: Writer): Promise<Answer> {
  const { load, random } = writer;
  const id = customerId(writer);
  const isIn = random.below(2) === 0;
  const answer = await load.caller.call(
    isIn ? 'PUT' : 'DELETE',
    `/v1/segments/chosen/members/${id}`,
    isIn ? { reason: 'liked' } : undefined,
  );
  load.ledger.note(new Map([[`member chosen ${id}`, isIn ? 'in' : null]]), outcomeOf(answer));
  return answer;
}
