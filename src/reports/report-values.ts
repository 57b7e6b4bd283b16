// In charge of the values of one statement: each is a parameter, and is referred to in the text by its number.

export interface ReportValues {
  readonly values: unknown[];
  /** → SQL, such as `$3::bigint` */
  bind(value: unknown, type: string): string;
}

export function reportValues(): ReportValues {
  const values: unknown[] = [];
  return { values, bind: (value, type) => `$${values.push(value)}::${type}` };
}
