// In charge of what can be set from outside: every environment variable, its form and its default, checked once at the start,
// all mistakes at once. Not of keeping generated keys (main.ts does, in the data folder).
import fs from 'node:fs';
import net from 'node:net';
import { z } from 'zod';
import { explain } from './base/data-folder.ts';
import { reservedIn } from './base/database-url.ts';
import { editDistance } from './base/edit-distance.ts';
import { nearestName } from './base/nearest-name.ts';
import { StartError } from './base/start-error.ts';
import { isTimeZone } from './base/time-zone.ts';

export type Config = z.infer<typeof Environment>;

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const wholeNumber = (least: number, most: number, what: string) =>
  z.string().transform((text, context) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    return refuse(context, `must be ${what} from ${least} to ${most}, and is ‘${text}’`);
  });

const postgresUrl = z.string().transform((text, context) => {
  // the value is not repeated: it may hold a password
  if (!isPostgresUrl(text)) {
    return refuse(
      context,
      'must look like postgres://user:password@host:5432/database; in the user and the password / is written %2F, ? %3F, # %23, @ %40 and % %25',
    );
  }
  const reserved = reservedIn(text);
  if (reserved.length === 0) return text;
  return refuse(context, `must leave out ${reserved.join(', ')}: Strata sets ${reserved.length === 1 ? 'that' : 'those'} itself`);
});

const timeZone = z.string().transform((text, context) => {
  const name = Intl.supportedValuesOf('timeZone').find((known) => known.toLowerCase() === text.toLowerCase());
  if (name !== undefined) return name;
  if (/^[A-Za-z]/.test(text) && isTimeZone(text)) return text; // an older name of a zone
  return refuse(
    context,
    `must be a time zone like UTC or Europe/London, and is ‘${text}’${suggest(text, Intl.supportedValuesOf('timeZone'))}`,
  );
});

const currency = z.string().transform((text, context) => {
  if (Intl.supportedValuesOf('currency').includes(text)) return text;
  return refuse(context, `must be a currency of ISO 4217 in capitals like USD or EUR, and is ‘${text}’`);
});

const logLevel = z.string().transform((text, context) => {
  const level = LOG_LEVELS.find((known) => known === text);
  return level ?? refuse(context, `must be one of ${LOG_LEVELS.join(', ')}, and is ‘${text}’${suggest(text, LOG_LEVELS)}`);
});

const addressRanges = z.string().transform((text, context) => {
  const ranges = text
    .split(',')
    .map((range) => range.trim())
    .filter((range) => range !== '');
  const wrong = ranges.filter((range) => !isAddressRange(range));
  if (wrong.length === 0) return ranges;
  return refuse(context, `must be address ranges like 10.0.0.0/8, with commas between, and holds ‘${wrong.join('’, ‘')}’`);
});

const origins = z.string().transform((text, context) => {
  const given = text
    .split(',')
    .map((origin) => origin.trim())
    .filter((origin) => origin !== '');
  const wrong = given.filter((origin) => !isOrigin(origin));
  if (wrong.length === 0) return given;
  return refuse(context, `must be origins like https://shop.example, with commas between, and holds ‘${wrong.join('’, ‘')}’`);
});

const yesOrNo = z.string().transform((text, context) => {
  if (text === 'true' || text === 'false') return text === 'true';
  return refuse(context, `must be true or false, and is ‘${text}’`);
});

const httpUrl = z.string().refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), {
  error: 'must look like http://collector:4318', // the value is not repeated: it may hold a password
});

/** `name=value,name=value`, percent-encoded, as OpenTelemetry writes lists. */
const namedValues = z.string().transform((text, context) => {
  const pairs = text
    .split(',')
    .map((pair) => pair.trim())
    .filter((pair) => pair !== '');
  try {
    const entries = pairs.map((pair) =>
      /^([^=\s]+)\s*=\s*(.*)$/
        .exec(pair)
        ?.slice(1)
        .map((part) => decodeURIComponent(part)),
    );
    if (entries.every((entry) => entry !== undefined)) return Object.fromEntries(entries) as Readonly<Record<string, string>>;
  } catch {
    // a broken percent-encoding, said below; the value is not repeated: headers hold keys
  }
  return refuse(context, 'must be a list like name=value,name=value, percent-encoded');
});

const oneOf = <const Name extends string>(names: readonly Name[]) =>
  z.string().transform((text, context) => {
    const name = names.find((known) => known === text);
    return name ?? refuse(context, `must be one of ${names.join(', ')}, and is ‘${text}’${suggest(text, names)}`);
  });

const share = z.string().transform((text, context) => {
  const value = /^\d(\.\d{1,15})?$/.test(text) ? Number(text) : Number.NaN;
  return value >= 0 && value <= 1 ? value : refuse(context, `must be a share from 0 to 1, and is ‘${text}’`);
});

const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

const Environment = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: wholeNumber(0, 65_535, 'a port').default(3000),
  /** unset: the embedded Postgres under DATA_DIR */
  DATABASE_URL: postgresUrl.optional(),
  /** one streaming replica of DATABASE_URL: reads that may be as old as it go there */
  READ_DATABASE_URL: postgresUrl.optional(),
  DATA_DIR: z.string().default('.strata'),
  /** the programs of the embedded Postgres; unset: those that npm brings */
  POSTGRES_BIN: z.string().min(1).optional(),
  ADMIN_KEY: z
    .string()
    .regex(/^[\x21-\x7e]{8,512}$/, 'must be 8 to 512 printable ASCII characters without spaces')
    .optional(),
  SECRET_KEY: z.string().min(32, 'must be at least 32 characters').max(512, 'must be at most 512 characters').optional(),
  /** unset: the stored one, UTC at the first start */
  TIME_ZONE: timeZone.optional(),
  /** unset: the stored one, USD at the first start */
  CURRENCY: currency.optional(),
  LOG_LEVEL: logLevel.default('info'),
  /** unset: all of it is kept */
  HISTORY_DAYS: wholeNumber(1, 100_000, 'a number of days').optional(),
  /** for how long consumers may read the exits of an erased customer; after that nothing says who it was */
  ERASURE_DAYS: wholeNumber(0, 30, 'a number of days').default(7),
  /** pages of these origins may read with customer and stream tokens */
  CORS_ORIGINS: origins.default([]),
  /** of one key, including the admin key, in this process; a key may have its own */
  REQUESTS_PER_SECOND: wholeNumber(1, 1_000_000, 'a number of requests').default(20_000),
  /** of the tokens of one customer */
  TOKEN_REQUESTS_PER_SECOND: wholeNumber(1, 1_000_000, 'a number of requests').default(20),
  /** from one address */
  FAILED_KEYS_PER_MINUTE: wholeNumber(1, 1_000_000, 'a number of failures').default(600),
  /** previews, impacts, exports and scans of the past at once, in this process; never more than half of DATABASE_CONNECTIONS */
  HEAVY_READS: wholeNumber(1, 1000, 'a number of reads').default(4),
  /** of one key: streams of the feed and subscriptions open at once, in this process; half of all places */
  OPEN_STREAMS: wholeNumber(1, 20_000, 'a number of streams').default(10_000),
  /** of one key: reads of the feed that wait for a change at once, in this process */
  WAITING_READS: wholeNumber(1, 20_000, 'a number of reads').default(1000),
  /** true: /metrics needs no key; whoever reaches the port may read them */
  METRICS_PUBLIC: yesOrNo.default(false),
  /** whether GraphQL answers questions about its schema */
  INTROSPECTION: yesOrNo.default(true),
  /** unset: all of it is kept */
  AUDIT_DAYS: wholeNumber(1, 100_000, 'a number of days').optional(),
  /** address ranges of proxies that are believed about where a request comes from */
  TRUST_PROXY: addressRanges.default([]),
  WEBHOOK_ALLOW: addressRanges.default([]),
  /** for how many days beyond HISTORY_DAYS the log is kept for webhooks that have not had it */
  WEBHOOK_DAYS: wholeNumber(0, 100_000, 'a number of days').default(7),
  /** connections of this process to its database, not counting the leader's */
  DATABASE_CONNECTIONS: wholeNumber(2, 1000, 'a number of connections').default(20),
  /** how long one statement that evaluates given customers (a write, a look) may take before the rule that is too slow fails */
  EVALUATION_TIMEOUT_SECONDS: wholeNumber(1, 3600, 'a number of seconds').default(10),
  /** the same for one that scans: a chunk of a run, a preview, a chunk of an impact */
  SCAN_TIMEOUT_SECONDS: wholeNumber(1, 86_400, 'a number of seconds').default(60),
  /** how long after SIGTERM the process goes on answering, but is no longer ready, so that whoever sends it requests can notice */
  DRAIN_SECONDS: wholeNumber(0, 3600, 'a number of seconds').default(0),
  /** how long requests under way may take to end after that */
  STOP_SECONDS: wholeNumber(1, 3600, 'a number of seconds').default(30),
  /** where traces go; neither of the two: nowhere, at no cost */
  OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl.optional(),
  /** the whole address, with its path */
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: httpUrl.optional(),
  OTEL_EXPORTER_OTLP_HEADERS: namedValues.default({}),
  OTEL_EXPORTER_OTLP_PROTOCOL: oneOf(['http/json']).default('http/json'),
  OTEL_SERVICE_NAME: z.string().default('strata'),
  OTEL_RESOURCE_ATTRIBUTES: namedValues.default({}),
  OTEL_TRACES_EXPORTER: oneOf(['otlp', 'none']).default('otlp'),
  OTEL_TRACES_SAMPLER: oneOf(SAMPLERS).default('parentbased_always_on'),
  /** for the samplers by ratio */
  OTEL_TRACES_SAMPLER_ARG: share.default(1),
  OTEL_SDK_DISABLED: yesOrNo.default(false),
});

/** May be given in a file instead, named by `…_FILE`, as containers are given secrets. */
const BY_FILE = ['DATABASE_URL', 'READ_DATABASE_URL', 'ADMIN_KEY', 'SECRET_KEY', 'OTEL_EXPORTER_OTLP_HEADERS'] as const;

/** The configuration of this environment; variables set to nothing count as unset. Throws one StartError that names every mistake. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const given: Record<string, string> = {};
  for (const name of Object.keys(Environment.shape)) {
    const value = environment[name]?.trim();
    if (value !== undefined && value !== '') given[name] = value;
  }
  const wrongFiles = readFiles(environment, given);
  const outcome = Environment.safeParse(given);
  if (outcome.success && wrongFiles.length === 0) return outcome.data;
  const mistakes = [...wrongFiles, ...(outcome.error?.issues ?? []).map((issue) => `${issue.path.join('.')} ${issue.message}.`)];
  if (mistakes.length === 1) throw new StartError(`The configuration has a mistake: ${mistakes[0]}`);
  throw new StartError(`The configuration has ${mistakes.length} mistakes:\n${mistakes.map((mistake) => `- ${mistake}`).join('\n')}`);
}

/** Shorter names are like too many others. */
const TELLING_LENGTH = 8;

/** Variables that mean nothing to Strata and are nearly called like one that does, in a sentence each: whoever set them expects something. */
export function findMisspelt(environment: Readonly<Record<string, string | undefined>>): readonly string[] {
  const known = [...Object.keys(Environment.shape), ...BY_FILE.map((name) => `${name}_FILE`)];
  const plain = (name: string) => name.toUpperCase().replaceAll('_', '');
  return Object.keys(environment).flatMap((name) => {
    if (name.length < TELLING_LENGTH || known.includes(name)) return [];
    const meant = known.find((candidate) => editDistance(plain(name), plain(candidate)) <= (candidate.length < TELLING_LENGTH ? 0 : 2));
    return meant === undefined ? [] : [`${name} is set, and means nothing to Strata: is ${meant} meant?`];
  });
}

/** Adds what is in files. → mistakes */
function readFiles(environment: Readonly<Record<string, string | undefined>>, given: Record<string, string>): string[] {
  return BY_FILE.flatMap((name) => {
    const file = environment[`${name}_FILE`]?.trim() ?? '';
    if (file === '') return [];
    if (given[name] !== undefined) return [`${name} and ${name}_FILE are both set; set one of them.`];
    try {
      given[name] = fs.readFileSync(file, 'utf8').trim();
    } catch (cause) {
      return [`${name}_FILE names ${file}, which cannot be read: ${explain(cause)}.`];
    }
    return given[name] === '' ? [`${name}_FILE names ${file}, which is empty.`] : [];
  });
}

function refuse(context: z.RefinementCtx, message: string): never {
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
}

function suggest(text: string, known: readonly string[]): string {
  const nearest = nearestName(text, known);
  return nearest === undefined ? '' : ` (did you mean ${nearest}?)`;
}

/** What is left behind the host by an unescaped password is no address to report: it may be a part of it. */
function isPostgresUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol) || url.hash !== '' || `${url.pathname}${url.search}`.includes('@'))
    return false;
  return [url.username, url.password].every((part) => /^([^%]|%[0-9a-f]{2})*$/i.test(part));
}

/** As browsers send it: scheme, host and port, nothing after them. `*` is not one: a list says who. */
function isOrigin(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && new URL(text).origin === text;
}

function isAddressRange(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const family = net.isIP(address);
  if (family === 0 || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}
