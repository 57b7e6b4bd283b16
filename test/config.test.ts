// What can be configured from outside: defaults, forms, and all mistakes at once.
import { describe, expect, test } from 'vitest';
import { ACCESS_LIMITS } from '../src/access/access-limits.ts';
import { StartError } from '../src/base/start-error.ts';
import { findMisspelt, readConfig } from '../src/config.ts';

describe('configuration', () => {
  test('has a default for everything', () => {
    expect(readConfig({})).toEqual({
      HOST: '127.0.0.1',
      PORT: 3000,
      DATA_DIR: '.strata',
      LOG_LEVEL: 'info',
      WEBHOOK_ALLOW: [],
      WEBHOOK_DAYS: 7,
      CORS_ORIGINS: [],
      REQUESTS_PER_SECOND: 20_000,
      TOKEN_REQUESTS_PER_SECOND: 20,
      FAILED_KEYS_PER_MINUTE: 600,
      HEAVY_READS: 4,
      OPEN_STREAMS: 10_000,
      WAITING_READS: 1000,
      TRUST_PROXY: [],
      DATABASE_CONNECTIONS: 20,
      EVALUATION_TIMEOUT_SECONDS: 10,
      SCAN_TIMEOUT_SECONDS: 60,
      ERASURE_DAYS: 7,
      METRICS_PUBLIC: false,
      INTROSPECTION: true,
      DRAIN_SECONDS: 0,
      STOP_SECONDS: 30,
      OTEL_EXPORTER_OTLP_HEADERS: {},
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_SERVICE_NAME: 'strata',
      OTEL_RESOURCE_ATTRIBUTES: {},
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_TRACES_SAMPLER: 'parentbased_always_on',
      OTEL_TRACES_SAMPLER_ARG: 1,
      OTEL_SDK_DISABLED: false,
    });
  });

  test('limits access as services made by hand are', () => {
    const { REQUESTS_PER_SECOND, TOKEN_REQUESTS_PER_SECOND, FAILED_KEYS_PER_MINUTE, HEAVY_READS, OPEN_STREAMS, WAITING_READS } = readConfig(
      {},
    );
    expect(ACCESS_LIMITS).toEqual({
      requestsPerSecond: REQUESTS_PER_SECOND,
      tokenRequestsPerSecond: TOKEN_REQUESTS_PER_SECOND,
      failedKeysPerMinute: FAILED_KEYS_PER_MINUTE,
      heavyReads: HEAVY_READS,
      openStreams: OPEN_STREAMS,
      waitingReads: WAITING_READS,
    });
  });

  test('takes a variable set to nothing as unset', () => {
    expect(readConfig({ PORT: '', DATABASE_URL: ' ' })).toMatchObject({ PORT: 3000 });
  });

  test('reads what is given', () => {
    const given = { PORT: '0', TIME_ZONE: 'europe/london', CURRENCY: 'GBP', WEBHOOK_ALLOW: '10.0.0.0/8, ::1', HISTORY_DAYS: '30' };
    expect(readConfig(given)).toMatchObject({
      PORT: 0,
      TIME_ZONE: 'Europe/London',
      CURRENCY: 'GBP',
      WEBHOOK_ALLOW: ['10.0.0.0/8', '::1'],
      HISTORY_DAYS: 30,
    });
  });

  test('tells every mistake at once, without secrets', () => {
    const mistaken = () =>
      readConfig({
        PORT: '70000',
        DATABASE_URL: 'mysql://root:hidden@host/db',
        ADMIN_KEY: 'a key',
        SECRET_KEY: 'short',
        TIME_ZONE: 'Europe/Londn',
        CURRENCY: 'usd',
        LOG_LEVEL: 'inf',
        WEBHOOK_ALLOW: '10.0.0.0/99',
        HISTORY_DAYS: '0',
      });
    expect(mistaken).toThrow(StartError);
    expect(mistaken).toThrow(`The configuration has 9 mistakes:
- PORT must be a port from 0 to 65535, and is ‘70000’.
- DATABASE_URL must look like postgres://user:password@host:5432/database; in the user and the password / is written %2F, ? %3F, # %23, @ %40 and % %25.
- ADMIN_KEY must be 8 to 512 printable ASCII characters without spaces.
- SECRET_KEY must be at least 32 characters.
- TIME_ZONE must be a time zone like UTC or Europe/London, and is ‘Europe/Londn’ (did you mean Europe/London?).
- CURRENCY must be a currency of ISO 4217 in capitals like USD or EUR, and is ‘usd’.
- LOG_LEVEL must be one of fatal, error, warn, info, debug, trace, silent, and is ‘inf’ (did you mean info?).
- HISTORY_DAYS must be a number of days from 1 to 100000, and is ‘0’.
- WEBHOOK_ALLOW must be address ranges like 10.0.0.0/8, with commas between, and holds ‘10.0.0.0/99’.`);
  });

  test.each([
    'postgres://boss:p@ss/w#rd@localhost/shop',
    'postgres://boss:p/ss@localhost@x/shop',
    'postgres://boss:50%@localhost/shop',
    'postgres://boss:p#ss@localhost/shop',
  ])('refuses a password that is not escaped: %s', (url) => {
    expect(() => readConfig({ DATABASE_URL: url })).toThrow(
      /^The configuration has a mistake: DATABASE_URL must look like .* @ %40 and % %25\.$/,
    );
  });

  test('tells of names that are nearly right', () => {
    expect(findMisspelt({ DATABSE_URL: 'x', TIMEZONE: 'x', PATH: 'x', HOSTNAME: 'x', DATABASE_NAME: 'x', DATABASE_URL: 'x' })).toEqual([
      'DATABSE_URL is set, and means nothing to Strata: is DATABASE_URL meant?',
      'TIMEZONE is set, and means nothing to Strata: is TIME_ZONE meant?',
    ]);
  });
});
