// In charge of the two routes of a report: as JSON, and the same figures as CSV beside it. Also of the parameters that many reports share.
import { z } from 'zod';
import type { Scope } from '../../access/scopes.ts';
import type { ErrorCode } from '../../errors.ts';
import { type CsvRow, sendCsv } from './report-csv.ts';
import { type Route, type RouteDefinition, route } from './route.ts';

type Call<Query extends z.ZodObject> = Parameters<RouteDefinition<z.ZodObject, Query, z.ZodType>['handle']>[0];

export interface ReportPair<Query extends z.ZodObject, Answer extends z.ZodObject> {
  /** of the file, and of the path after `/v1/reports/` */
  readonly name: string;
  readonly operationId: string;
  readonly exportId: string;
  readonly summary: string;
  readonly description: string;
  readonly query: Query;
  readonly answer: Answer;
  readonly refusals: readonly ErrorCode[];
  readonly read: (call: Call<Query>) => Promise<z.input<Answer>>;
  readonly columns: readonly string[];
  readonly toRows: (answer: z.input<Answer>) => readonly CsvRow[];
}

const SCOPE: Scope = 'members:read';

/** The answer says `at` and `position`. */
export function reportPair<Query extends z.ZodObject, Answer extends z.ZodObject>(pair: ReportPair<Query, Answer>): readonly Route[] {
  const { name, summary, description, query, answer, refusals, read } = pair;
  const shared = { method: 'GET', tag: 'reports', scope: SCOPE, query, refusals, fresh: 'feed', heavy: true } as const;
  return [
    route<z.ZodObject, Query, z.ZodType>({
      ...shared,
      path: `/v1/reports/${name}`,
      operationId: pair.operationId,
      summary,
      description,
      answers: { 200: answer },
      handle: (call) => read(call),
    }),
    route<z.ZodObject, Query, z.ZodType>({
      ...shared,
      path: `/v1/reports/${name}.csv`,
      operationId: pair.exportId,
      summary: `${summary}, as CSV`,
      description: `Columns ${pair.columns.join(', ')}. The headers \`Strata-Report-At\` and \`Strata-Report-Position\` say what the figures hold for.`,
      media: 'text/csv',
      answers: { 200: z.string().meta({ description: 'CSV as of RFC 4180' }) },
      handle: async (call) => {
        const figures = await read(call);
        const { at, position } = figures as unknown as { readonly at: string; readonly position: number };
        return sendCsv(call, { name, at, position, columns: pair.columns, rows: pair.toRows(figures) });
      },
    }),
  ];
}
