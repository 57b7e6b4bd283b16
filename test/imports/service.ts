// In charge of a service without HTTP for tests of imports: Strata on a database of its own, files as text or bytes.
import { Readable } from 'node:stream';
import { pino } from 'pino';
import { systemClock } from '../../src/base/clock.ts';
import type { ImportKind } from '../../src/ingest/imports/import-fields.ts';
import { type ImportFormat, parseImportOptions } from '../../src/ingest/imports/import-options.ts';
import type { ContentEncoding } from '../../src/ingest/imports/read-bytes.ts';
import type { ImportRequest, ImportSummary } from '../../src/ingest/imports/run-import.ts';
import { openStrata } from '../../src/open-strata.ts';
import { importFile } from '../../src/pipeline.ts';
import type { Strata } from '../../src/strata.ts';
import { createTestDatabase, SECRET_KEY } from '../database.ts';

export type File = string | Uint8Array | Readable;

export interface ImportService {
  readonly strata: Strata;
  csv(kind: ImportKind, file: File, parameters?: Record<string, string>, more?: Partial<ImportRequest>): Promise<ImportSummary>;
  ndjson(kind: ImportKind, file: File, parameters?: Record<string, string>, more?: Partial<ImportRequest>): Promise<ImportSummary>;
  rows(text: string): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

export async function startImportService(): Promise<ImportService> {
  const test = await createTestDatabase();
  const strata = await openStrata({
    database: test.database,
    clock: systemClock,
    log: pino({ level: 'silent' }),
    cluster: 'test',
    secretKey: SECRET_KEY,
    timeZone: 'UTC',
    currency: 'USD',
    background: false,
  });
  const run = (
    kind: ImportKind,
    format: ImportFormat,
    file: File,
    parameters: Record<string, string>,
    more: Partial<ImportRequest>,
  ): Promise<ImportSummary> => {
    const options = parseImportOptions(kind, parameters, 'UTC');
    if (!options.ok) throw new Error(JSON.stringify(options.problems));
    const stream = file instanceof Readable ? file : Readable.from(chunked(Buffer.from(file)), { objectMode: false });
    const encoding: ContentEncoding = 'identity';
    return importFile(strata, { kind, format, options: options.value, stream, encoding, ...more });
  };
  return {
    strata,
    csv: (kind, file, parameters = {}, more = {}) => run(kind, 'csv', file, parameters, more),
    ndjson: (kind, file, parameters = {}, more = {}) => run(kind, 'ndjson', file, parameters, more),
    rows: (text) => test.database.query({ text }),
    close: async () => {
      await strata.close();
      await test.drop();
    },
  };
}

/** In pieces that fall into the middle of rows. */
function* chunked(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 8191) yield bytes.subarray(at, at + 8191);
}
