// In charge of spans: what the code reports of its own work, to OpenTelemetry if that is configured (open-tracing.ts), and otherwise to nobody,
// at the cost of a comparison. Names and attributes say what was done and how much, never for whom: no id, no value, and no path that contains
// one.
import type { Attributes, Context, Span, SpanKind, Tracer } from '@opentelemetry/api';

type Api = typeof import('@opentelemetry/api');

export interface Tracing {
  readonly api: Api;
  readonly tracer: Tracer;
}

let tracing: Tracing | undefined;

/**
 * For the whole process, as OpenTelemetry's own interface is; to be called before any connection is made. undefined: nothing is reported any
 * more.
 */
export function useTracing(given: Tracing | undefined): void {
  tracing = given;
}

export function isTracing(): boolean {
  return tracing !== undefined;
}

/** Adds attributes to a span while it is open. */
export type Note = (attributes: Attributes) => void;

const NOBODY_LISTENS: Note = () => {};

/** Work as part of what is under way here. Work that nobody asked for (a look at a clock, a poll) belongs to nothing and is not reported. */
export function inSpan<Value>(name: string, attributes: Attributes, work: (note: Note) => Promise<Value>): Promise<Value> {
  if (tracing === undefined) return work(NOBODY_LISTENS);
  const { api } = tracing;
  const parent = api.context.active();
  if (api.trace.getSpan(parent)?.isRecording() !== true) return work(NOBODY_LISTENS);
  return runIn(tracing, tracing.tracer.startSpan(name, { attributes }, parent), parent, work);
}

/** Work that starts a trace of its own, whatever is under way here. */
export function inOwnSpan<Value>(name: string, attributes: Attributes, work: (note: Note) => Promise<Value>): Promise<Value> {
  if (tracing === undefined) return work(NOBODY_LISTENS);
  const parent = tracing.api.ROOT_CONTEXT;
  return runIn(tracing, tracing.tracer.startSpan(name, { attributes }, parent), parent, work);
}

/** Reports work done since `startMs` as a trace of its own, at its end, when it is known that there was any. */
export function tellSpan(name: string, startMs: number, attributes: Attributes): void {
  tracing?.tracer.startSpan(name, { startTime: startMs, attributes }, tracing.api.ROOT_CONTEXT).end();
}

async function runIn<Value>({ api }: Tracing, span: Span, parent: Context, work: (note: Note) => Promise<Value>): Promise<Value> {
  try {
    return await api.context.with(
      api.trace.setSpan(parent, span),
      work,
      undefined,
      (attributes: Attributes) => void span.setAttributes(attributes),
    );
  } catch (error) {
    markFailed(api, span, error);
    throw error;
  } finally {
    span.end();
  }
}

/** Errors are named by their code or name: their messages repeat values. */
function markFailed(api: Api, span: Span, error: unknown): void {
  const type = error instanceof Error ? ('code' in error ? String(error.code) : error.name) : typeof error;
  span.setAttribute('error.type', type).setStatus({ code: api.SpanStatusCode.ERROR });
}

// ---------------------------------------------------------------- work that is gathered

/** Who asked for a piece of work that is done together with others' work. */
export type Asker = Span | undefined;

export function currentAsker(): Asker {
  return tracing === undefined ? undefined : tracing.api.trace.getSpan(tracing.api.context.active());
}

/** Work for several askers: part of what the first one does, and linked in both directions with what the others do. */
export function inSharedSpan<Value>(
  name: string,
  attributes: Attributes,
  askers: readonly Asker[],
  work: (note: Note) => Promise<Value>,
): Promise<Value> {
  if (tracing === undefined) return work(NOBODY_LISTENS);
  const { api, tracer } = tracing;
  const [first, ...others] = askers.filter((asker) => asker !== undefined).filter((asker) => asker.isRecording());
  if (first === undefined) return api.context.with(api.ROOT_CONTEXT, work, undefined, NOBODY_LISTENS);
  const parent = api.trace.setSpan(api.ROOT_CONTEXT, first);
  const span = tracer.startSpan(name, { attributes, links: others.map((asker) => ({ context: asker.spanContext() })) }, parent);
  for (const asker of others) asker.addLink({ context: span.spanContext() });
  return runIn(tracing, span, parent, work);
}

// ---------------------------------------------------------------- work that begins and ends in different places

export interface OpenSpan {
  /** Work begun in it becomes part of it. */
  run(work: () => void): void;
  note: Note;
  /** `failed`: the code or name of the error */
  end(failed?: string): void;
}

export interface OpenOptions {
  readonly attributes: Attributes;
  readonly kind: 'server' | 'client' | 'internal';
  /** for a request: the headers whose `traceparent` it continues; absent: it is part of what is under way here */
  readonly headers?: Readonly<Record<string, unknown>>;
}

/** undefined: nobody listens, or there is nothing that it would be part of. */
export function openSpan(name: string, { attributes, kind, headers }: OpenOptions): OpenSpan | undefined {
  if (tracing === undefined) return undefined;
  const { api, tracer } = tracing;
  const parent = headers === undefined ? api.context.active() : api.propagation.extract(api.ROOT_CONTEXT, headers);
  if (headers === undefined && api.trace.getSpan(parent)?.isRecording() !== true) return undefined;
  const span = tracer.startSpan(name, { attributes, kind: kindOf(api, kind) }, parent);
  const inside = api.trace.setSpan(parent, span);
  return {
    run: (work) => api.context.with(inside, work),
    note: (more) => void span.setAttributes(more),
    end: (failed) => {
      if (failed !== undefined) span.setAttribute('error.type', failed).setStatus({ code: api.SpanStatusCode.ERROR });
      span.end();
    },
  };
}

function kindOf({ SpanKind: kinds }: Api, kind: OpenOptions['kind']): SpanKind {
  switch (kind) {
    case 'server':
      return kinds.SERVER;
    case 'client':
      return kinds.CLIENT;
    case 'internal':
      return kinds.INTERNAL;
  }
}

/** Starts work that goes on for others too, and so must not be part of what happens to be under way here. */
export function outOfSpan<Value>(work: () => Value): Value {
  return tracing === undefined ? work() : tracing.api.context.with(tracing.api.ROOT_CONTEXT, work);
}
