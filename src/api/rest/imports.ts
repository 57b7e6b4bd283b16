// In charge of the routes of imports: streams of any length, passed on as they come. What a file may hold is ingest/imports.
import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import { AppError } from '../../errors.ts';
import { type ImportFormat, parseImportOptions } from '../../ingest/imports/import-options.ts';
import { contentEncoding } from '../../ingest/imports/read-bytes.ts';
import type { ImportProgress } from '../../ingest/imports/run-import.ts';
import { importFile } from '../../pipeline.ts';
import { summaryOf } from './check-request.ts';
import { detachUpload } from './detach-upload.ts';
import { type Route, route } from './route.ts';
import { Count, ErrorDetailSchema, Token } from './wire.ts';

const FORMATS: Readonly<Record<string, ImportFormat>> = { 'text/csv': 'csv', 'application/x-ndjson': 'ndjson' };

const ImportPath = z.strictObject({ kind: z.enum(['customers', 'orders', 'events']) });

/** Only for the document: the ingest stage reads them, as it does the command line's. */
const ImportQuery = z
  .object({
    atomic: z
      .string()
      .optional()
      .meta({ enum: ['true', 'false'], description: 'All rows or none' }),
    round: z
      .string()
      .optional()
      .meta({
        enum: ['0', '1', '2', '3', '4'],
        description:
          'Of orders: amounts are rounded to so many decimals, half to even (quantities to four); exact ones are needed when absent',
      }),
    timeZone: z
      .string()
      .optional()
      .meta({ description: 'IANA name; of times in the file that name no offset', examples: ['Europe/London'] }),
    delimiter: z.string().optional().meta({ description: 'Between the cells of a CSV: one sign, or `tab`; `,` when absent' }),
  })
  .catchall(
    z.string().meta({
      description:
        '`map.FIELD=COLUMN`: which column of the file a field comes from (`map.customerId=CustomerID`, `map.items.quantity=Quantity`); ' +
        '`default.FIELD=VALUE`: where the file has none',
    }),
  );

const IncompleteOrderSchema = z
  .strictObject({
    id: z.string(),
    totalGiven: z.boolean().meta({ description: 'The file says its total; else it is the sum of the lines taken, and so without these' }),
    rejected: Count.meta({ description: 'How many of its lines are not in it' }),
    lines: z.array(Count).meta({ description: 'The first 100 of them' }),
  })
  .meta({ id: 'IncompleteOrder' });

const IncompleteOrdersSchema = z
  .strictObject({
    count: Count,
    first: z.array(IncompleteOrderSchema).meta({ description: 'The first 100, by their first rejected line' }),
    unplacedLines: Count.meta({ description: 'Rejected lines that do not say readably of which order they are; any may lack them' }),
  })
  .meta({
    id: 'IncompleteOrders',
    description:
      'Orders that were written without some of their lines, which were rejected. Their items, and a total that is the sum of them, are wrong until all their lines are sent again',
  });

const ImportSummarySchema = z
  .strictObject({
    rows: Count.meta({ description: 'Rows read; the header and blank lines are none' }),
    accepted: Count.meta({ description: 'Rows taken, those repeated among them' }),
    repeated: Count.optional().meta({
      description: 'Of events: rows whose event was there already, stored or earlier in the file, and was not written again',
    }),
    rejected: Count,
    errors: z.array(ErrorDetailSchema).meta({ description: 'The first 100, by line' }),
    incompleteOrders: IncompleteOrdersSchema.optional().meta({ description: 'Of orders' }),
    changes: Count.meta({ description: 'Memberships entered or left' }),
    token: Token,
  })
  .meta({ id: 'ImportSummary' });

export const importRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/v1/imports/:kind',
    operationId: 'importFile',
    tag: 'imports',
    scope: 'ingest',
    summary: 'Import a file of customers, orders or events',
    description:
      'CSV columns are named like the JSON fields (`items.quantity`, `attributes.tier`, `properties.path`) or mapped. Rows of orders with the same id are the lines of one order, wherever in the file they stand. Bad rows are rejected by line and the good ones kept; sending a file again changes nothing.',
    params: ImportPath,
    query: ImportQuery,
    body: { kind: 'stream', contentTypes: Object.keys(FORMATS) },
    answers: { 200: ImportSummarySchema },
    refusals: [
      'invalid_fields',
      'invalid_rows',
      'invalid_csv',
      'invalid_json',
      'invalid_encoding',
      'invalid_compression',
      'import_incomplete',
    ],
    handle: async ({ strata, params, query, body, request, reply, signal }) => {
      const format = formatOf(request.headers['content-type']);
      const encoding = contentEncoding(request.headers['content-encoding']);
      if (encoding === undefined)
        throw new AppError('unsupported_media_type', 'This Content-Encoding is not taken; gzip, deflate and br are.');
      const options = parseImportOptions(params.kind, query, strata.timeZone);
      if (!options.ok) throw new AppError('invalid_request', summaryOf(options.problems), { errors: options.problems });
      if (body === undefined) throw new AppError('import_incomplete', 'The file is the body, and there is none.');
      return importFile(strata, {
        kind: params.kind,
        format,
        options: options.value,
        stream: detachUpload(body as Readable),
        encoding,
        signal: signal(),
        ...(request.headers['strata-progress'] === '1' ? { onProgress: (progress) => tellProgress(reply.raw, progress) } : {}),
      });
    },
  }),
];

/** Files are UTF-8; with another charset they would be misread. */
function formatOf(contentType: string | undefined): ImportFormat {
  const [type = '', ...parameters] = (contentType ?? '').split(';').map((part) => part.trim().toLowerCase());
  const format = FORMATS[type];
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))?.slice('charset='.length);
  if (format === undefined) throw new AppError('unsupported_media_type', `Send ${Object.keys(FORMATS).join(' or ')}.`);
  if (charset !== undefined && !/^"?utf-?8"?$/.test(charset))
    throw new AppError('unsupported_media_type', 'Files are taken in UTF-8 only.');
  return format;
}

/** For callers who ask for it (the command line's progress bar): informational answers on the way, which others would have to skip. */
function tellProgress(response: ServerResponse, { rows, rejected, readBytes, waiting }: ImportProgress): void {
  if (response.headersSent || !response.writable) return;
  response.writeInformation(102, {
    'strata-progress': `rows=${rows}, rejected=${rejected}`,
    'strata-read-bytes': String(readBytes),
    ...(waiting === null ? {} : { 'strata-waiting': `written=${waiting.written}, total=${waiting.total}` }),
  });
}
