// In charge of the feed as server-sent events: changes as they come, heartbeats with the place reached so far, and an end that says why. Not of
// connections (event-stream.ts) nor of reading the feed (changes/follow-changes.ts).
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../../access/caller.ts';
import type { Follower } from '../../changes/follow-changes.ts';
import type { Change } from '../../changes/read-changes.ts';
import { AppError } from '../../errors.ts';
import type { Strata } from '../../strata.ts';
import { changeOut } from './change-schema.ts';
import { encodeCursor } from './cursor.ts';
import { EventStream } from './event-stream.ts';
import { logFailure } from './log-failure.ts';
import { explainError, problem } from './problem.ts';
import { recordRefusal } from './record-call.ts';

/** Changes per write: 60 kB, the most of the service's memory that a slow reader holds. */
const TOGETHER = 200;
/** The stream's operation, under which the audit records an end for lack of rights. */
const STREAM_ACTION = 'streamChanges';
const HEARTBEAT_MS = 15_000;
/** The readers of a service that restarts come back spread over this time, not all at once. */
const RETRY_MS = { least: 1000, most: 5000 };

export interface ChangeStream {
  readonly strata: Strata;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly caller: Caller;
  readonly follower: Follower;
  /** aborts when the service stops, with the reason */
  readonly signal: AbortSignal;
  /** who the bearer is now; throws if the key or token is no longer valid */
  recheck(): Promise<Caller>;
}

/** Takes the answer over; resolves when the stream has ended, whoever ended it. The follower is closed then. */
export async function streamChanges(call: ChangeStream): Promise<void> {
  const { strata, reply, request, follower, caller } = call;
  reply.hijack();
  const stream = new EventStream(reply.raw, strata.clock, reply.getHeaders());
  const ending = new AbortController();
  const over = AbortSignal.any([call.signal, stream.closed, ending.signal]);
  const beating = beat(call, stream, over).catch((error) => ending.abort(error));
  try {
    let taken = await stream.write(`retry: ${retryMs(request.id)}\n\n`);
    while (taken && !over.aborted) {
      const { changes } = await follower.next(TOGETHER, { signal: over });
      if (follower.closed) throw new AppError('unavailable', 'The service is stopping.');
      if (changes.length > 0 && !ending.signal.aborted) taken = await stream.write(bytesOf(changes, caller));
    }
    if (ending.signal.aborted) throw ending.signal.reason;
    if (call.signal.aborted && !stream.closed.aborted) throw call.signal.reason;
    if (!taken && !stream.closed.aborted) throw new AppError('rate_limited', 'The stream was not read for too long; go on where you are.');
  } catch (error) {
    recordRefusal(strata, caller, request, STREAM_ACTION, error);
    await stream.end(errorEvent(error, request));
  } finally {
    follower.close();
    ending.abort();
    await beating;
  }
}

/** A comment keeps proxies from hanging up; it carries the place, so that a reader of rare changes need not go through all the others again. */
async function beat({ strata, follower, caller, recheck }: ChangeStream, stream: EventStream, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    await strata.clock.sleep(pauseMs(caller, strata.clock.nowMs()), over);
    if (over.aborted) return;
    if (!hasSameReach(caller, await recheck())) throw new AppError('forbidden', 'What this key may see has changed; begin again.');
    if (!over.aborted && !stream.isWaiting) void stream.write(`: heartbeat\nid: ${encodeCursor('changes', [follower.place])}\n\n`);
  }
}

/** Until the next heartbeat, or until the bearer's key or token expires. */
function pauseMs({ expiresAtMs }: Caller, nowMs: number): number {
  return expiresAtMs === null ? HEARTBEAT_MS : Math.max(1, Math.min(HEARTBEAT_MS, expiresAtMs - nowMs));
}

function hasSameReach(before: Caller, now: Caller): boolean {
  if (before.customerId !== now.customerId) return false;
  if (before.segments === null || now.segments === null) return before.segments === now.segments;
  const allowed = now.segments;
  return before.segments.size === allowed.size && [...before.segments].every((key) => allowed.has(key));
}

/** The id of a request is random. */
function retryMs(requestId: string): number {
  return RETRY_MS.least + (Number.parseInt(requestId.replaceAll('-', '').slice(0, 8), 16) % (RETRY_MS.most - RETRY_MS.least));
}

/** Readers who want the same get the same array, and so the same bytes. */
const bytesForKeys = new WeakMap<readonly Change[], Buffer>();
const bytesForCustomers = new WeakMap<readonly Change[], Buffer>();

function bytesOf(changes: readonly Change[], caller: Caller): Buffer {
  const made = caller.customerId === null ? bytesForKeys : bytesForCustomers;
  const known = made.get(changes);
  if (known !== undefined) return known;
  const events = changes.map(
    (change) => `event: change\nid: ${encodeCursor('changes', [change.position])}\ndata: ${JSON.stringify(changeOut(change, caller))}\n\n`,
  );
  const bytes = Buffer.from(events.join(''));
  made.set(changes, bytes);
  return bytes;
}

function errorEvent(error: unknown, request: FastifyRequest): string {
  const { refusal, failure } = explainError(error);
  if (failure) logFailure(request.log, error, {}, 'a stream of changes was interrupted');
  const told = problem(refusal.code, refusal.message, request.id, refusal.errors, refusal.extensions);
  return `event: error\ndata: ${JSON.stringify(told)}\n\n`;
}
