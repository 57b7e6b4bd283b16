// What comes from the service in English and is shown in Chinese by its code or key: nothing of it is forgotten.
import { expect, test } from 'vitest';
import { problemsInChinese } from '../../src/dashboard/texts/zh-problems.ts';
import { templatesInChinese, unitsInChinese } from '../../src/dashboard/texts/zh-templates.ts';
import { ERRORS } from '../../src/errors.ts';
import { TEMPLATES } from '../../src/segments/templates.ts';

test('every error code is said in Chinese', () => {
  expect(Object.keys(ERRORS).filter((code) => problemsInChinese[code] === undefined)).toEqual([]);
});

test('every template is said in Chinese, whole', () => {
  const forgotten = TEMPLATES.flatMap(({ key, parameters, needs, segments }) => {
    const words = templatesInChinese[key];
    if (words === undefined) return [key];
    return [
      ...parameters.filter(({ name }) => words.parameters?.[name] === undefined).map(({ name }) => `${key}.${name}`),
      ...parameters.filter(({ unit }) => unit !== null && unitsInChinese[unit] === undefined).map(({ unit }) => `unit ${unit}`),
      ...(needs.length === (words.needs ?? []).length ? [] : [`${key}: needs`]),
      ...segments.filter((each) => segments.length > 1 && words.segments?.[each.key] === undefined).map((each) => `${key}: ${each.key}`),
    ];
  });
  expect(forgotten).toEqual([]);
});

test('nothing is said that is not there', () => {
  const known = new Map(TEMPLATES.map((template) => [template.key, template]));
  const idle = Object.entries(templatesInChinese).flatMap(([key, { parameters = {}, segments = {} }]) => [
    ...(known.has(key) ? [] : [key]),
    ...Object.keys(parameters).filter((name) => !known.get(key)?.parameters.some((each) => each.name === name)),
    ...Object.keys(segments).filter((name) => !known.get(key)?.segments.some((each) => each.key === name)),
  ]);
  expect(idle).toEqual([]);
});
