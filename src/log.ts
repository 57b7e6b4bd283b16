// In charge of the log: JSON lines on stderr (stdout is for people), without what customers are called or said.
import pino, { type Logger } from 'pino';

/** What is told of an error. Not Postgres's detail, where and hint: they repeat values; nor what else hangs on an error object. */
const TOLD_FIELDS = ['code', 'severity', 'schema', 'table', 'column', 'constraint', 'routine', 'syscall', 'address', 'port'] as const;

export function openLog(level: string): Logger {
  const destination = pino.destination({ dest: 2, sync: true }); // the last line before an exit is written too
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

/** `invalid input syntax for type numeric: "…"`: what stands in the quotes came from a caller. */
function withoutValues(text: string): string {
  return text.replaceAll(/(: )"[^"\n]*"/g, '$1"…"');
}
