// In charge of the subscription: the feed from any place on, followed live. It asks for more only when the last changes have been sent, so that
// a slow reader costs one place and one page. Not of sockets (serve-sockets.ts).

import type { Follower } from '../../changes/follow-changes.ts';
import { type Change, readFeedEnd } from '../../changes/read-changes.ts';
import { changeOut } from '../rest/change-schema.ts';
import { encodeCursor } from '../rest/cursor.ts';
import { readFilter, readStart } from '../rest/feed-request.ts';
import type { FieldSpec, TypeRef } from './builder.ts';
import type { Edge } from './connections.ts';
import type { GraphqlContext } from './context.ts';
import type { FieldRule } from './field-rule.ts';
import { makeLoaders } from './loaders.ts';

interface Arguments {
  readonly segments?: readonly string[] | null;
  readonly customerId?: string | null;
  readonly after?: string | null;
}

/** How many changes one subscriber holds while they are sent. */
const PAGE = 100;

export function membershipChanged(edge: TypeRef, access: Pick<FieldRule, 'scope' | 'tokens'>): FieldSpec {
  return {
    shape: { type: edge, isList: false, isNullable: false },
    rule: { ...access, reads: 'each' },
    description:
      'Each change once, in order: of these segments, of this customer, or all. Without `after` from now on; with the cursor of the last change that came, without a gap.',
    args: {
      segments: { shape: { type: 'String', isList: true, isNullable: true } },
      customerId: { shape: { type: 'ID', isList: false, isNullable: true } },
      after: { shape: { type: 'String', isList: false, isNullable: true }, description: 'A cursor of the feed' },
    },
    subscribe: (_root: object, args: Arguments, context: GraphqlContext) => follow(args, context),
    resolve: show,
  };
}

/** An error that ends a subscription is its last event: thrown from the source, it would end the socket and everything else on it. */
interface Ending {
  readonly ending: unknown;
}

/** Each event sees things as they are when it is sent. */
function show(event: Edge | Ending, _args: object, context: GraphqlContext): Edge {
  if ('ending' in event) throw event.ending;
  const { strata, reads, caller, personalReads, seesPersonal } = context;
  context.loaders = makeLoaders({ strata, reads, caller, personal: personalReads, seesCustomers: seesPersonal, fields: null });
  return event;
}

async function follow(args: Arguments, context: GraphqlContext): Promise<Edges> {
  const { strata, caller } = context;
  const request = {
    ...(args.segments == null ? {} : { segment: args.segments }),
    ...(args.customerId == null ? {} : { customer: args.customerId }),
    ...(args.after == null ? {} : { after: args.after }),
  };
  const filter = await readFilter(strata, caller, request);
  const position = args.after == null ? await readFeedEnd(strata.database) : (await readStart(strata, request)).position;
  const begin = () => {
    const leave = strata.heldPlaces.enterStream(caller);
    return { follower: strata.feedTail.follow(filter, position), leave };
  };
  return new Edges(begin, context);
}

/** Starts with the first request. */
interface Following {
  readonly follower: Follower;
  /** gives its place back */
  leave(): void;
}

/** Written out, since a generator that is waiting cannot be ended from outside. Starts following with the first request. */
class Edges implements AsyncIterableIterator<Edge | Ending, undefined> {
  readonly #context: GraphqlContext;
  readonly #begin: () => Following;
  #following: Following | undefined;
  #waiting: Change[] = [];
  #isEnded = false;

  constructor(begin: () => Following, context: GraphqlContext) {
    this.#begin = begin;
    this.#context = context;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Edge | Ending, undefined>> {
    const { caller, signal } = this.#context;
    while (!this.#isEnded) {
      const change = this.#waiting.shift();
      if (change !== undefined) {
        return { done: false, value: { cursor: encodeCursor('changes', [change.position]), node: changeOut(change, caller) } };
      }
      try {
        this.#following ??= this.#begin();
        const { follower } = this.#following;
        this.#waiting = [...(await follower.next(PAGE, { signal: signal() })).changes];
        if (follower.closed || signal().aborted) await this.return();
      } catch (ending) {
        await this.return();
        return { done: false, value: { ending } };
      }
    }
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Edge | Ending, undefined>> {
    this.#isEnded = true;
    this.#waiting = [];
    this.#following?.follower.close();
    this.#following?.leave();
    this.#following = undefined;
    return { done: true, value: undefined };
  }

  async throw(error: unknown): Promise<IteratorResult<Edge | Ending, undefined>> {
    await this.return();
    throw error;
  }
}
