// In charge of the log: JSON lines on stderr (stdout is for people), without what customers are called or what they have said.
import pino, { type Logger } from 'pino';

/** What is logged of an error. Not Postgres's detail, where and hint: they repeat values; nor whatever else is attached to an error object. */
const TOLD_FIELDS = ['code', 'severity', 'schema', 'table', 'column', 'constraint', 'routine', 'syscall', 'address', 'port'] as const;

export function openLog(level: string): Logger {
  const destination = openDestination();
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError, error: describeError },
      redact: { paths: ['req.headers', 'req.remoteAddress', 'req.url', 'request.headers'], remove: true },
    },
    destination,
  );
}

/** What a reader who stands still has not taken yet is kept; beyond it lines are dropped. */
const MOST_UNREAD_CHARACTERS = 16 * 1024 * 1024;
/** A tenth of a second each. */
const TRIES_AT_EXIT = 20;

/**
 * Whoever reads the log and stands still holds nobody up: writing in turn, each line waited a tenth of a second for room in the pipe, and
 * every request with it (1.6 s for 2,700 lines, November 2026). What is left at an exit is written then, as long as
 * anybody takes it; a piece of 16 kB that waits for room just then is lost.
 */
function openDestination(): ReturnType<typeof pino.destination> {
  let triesLeft = Number.POSITIVE_INFINITY;
  const destination = pino.destination({
    dest: 2,
    sync: false,
    maxLength: MOST_UNREAD_CHARACTERS,
    retryEAGAIN: () => {
      triesLeft -= 1;
      return triesLeft > 0;
    },
  });
  process.prependOnceListener('exit', () => {
    triesLeft = TRIES_AT_EXIT;
  });
  return destination;
}

function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const described: Record<string, unknown> = {
    type: error.name,
    message: withoutValues(error.message),
    stack: error.stack === undefined ? undefined : withoutValues(error.stack),
  };
  for (const name of TOLD_FIELDS) {
    if (name in error) described[name] = error[name as keyof typeof error];
  }
  if (error instanceof AggregateError) described['errors'] = error.errors.map(describeError);
  if (error.cause !== undefined) described['cause'] = describeError(error.cause);
  return described;
}

/** `invalid input syntax for type numeric: "…"`: what is in the quotes came from a caller. */
function withoutValues(text: string): string {
  return text.replaceAll(/(: )"[^"\n]*"/g, '$1"…"');
}
