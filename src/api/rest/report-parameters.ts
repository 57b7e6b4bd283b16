// In charge of parameters of reports: lists given as one text, and refusing values that do not fit together.
import { z } from 'zod';
import { AppError } from '../../errors.ts';
import { readAmount } from '../../ingest/amount.ts';
import { storableText } from './wire.ts';

const MOST_STATUSES = 50;
const MOST_CUTS = 9;

/** `name=a&name=b` or `name=a,b` */
export function listParameter<Item extends z.ZodType>(item: Item, most: number) {
  return z.preprocess(splitList, z.array(item).min(1).max(most).optional());
}

export function splitList(given: unknown): unknown {
  return given === undefined ? undefined : [given].flat().flatMap((text) => (typeof text === 'string' ? text.split(',') : [text]));
}

export const Statuses = listParameter(storableText(256), MOST_STATUSES).meta({
  description: 'Only orders of these statuses count; without it all do',
});

/** Ascending bounds, at most nine. */
export const CutsParameter = listParameter(z.string().regex(/^-?\d{1,12}(\.\d{1,4})?$/, 'is a list of decimal numbers'), MOST_CUTS).refine(
  (cuts) => cuts === undefined || cuts.every((cut, index) => index === 0 || Number(cuts[index - 1]) < Number(cut)),
  'ascends',
);

/** Ten-thousandths of what `CutsParameter` took. */
export function scaledCuts(cuts: readonly string[] | undefined): readonly string[] | null {
  return cuts === undefined ? null : cuts.map((cut) => readAmount(cut).toString());
}

/** A refusal of one parameter, for what a schema cannot say. */
export function wrongParameter(parameter: string, detail: string): AppError {
  return new AppError('invalid_request', detail, { errors: [{ parameter, code: 'invalid_value', detail }] });
}
