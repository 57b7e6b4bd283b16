// In charge of the log: JSON lines on stderr (stdout is for people), without what customers are called or said.
import pino, { type Logger } from 'pino';

/** Postgres repeats values in these; its code, message and place are enough to act. */
const POSTGRES_FIELDS_WITH_VALUES = ['detail', 'where', 'hint', 'internalQuery', 'query', 'parameters'] as const;

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
  const described: Record<string, unknown> = { ...pino.stdSerializers.errWithCause(error) };
  for (const name of POSTGRES_FIELDS_WITH_VALUES) delete described[name];
  for (const name of ['message', 'stack']) {
    if (typeof described[name] === 'string') described[name] = withoutValues(described[name]);
  }
  if (error.cause instanceof Error) described['cause'] = describeError(error.cause);
  return described;
}

/** `invalid input syntax for type numeric: "…"`: what stands in the quotes came from a caller. */
function withoutValues(text: string): string {
  return text.replaceAll(/(: )"[^"\n]*"/g, '$1"…"');
}
