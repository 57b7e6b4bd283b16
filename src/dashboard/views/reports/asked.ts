// In charge of what a report is asked for: all of it is in the place's query, so that a link shows the same to whoever follows it.
import type { Query } from '../../api/call.ts';
import { changeQuery, type Place } from '../../route.ts';

export interface Asked {
  /** '' if the query does not say */
  text(name: string): string;
  list(name: string): readonly string[];
  /** the first if the query names none of them */
  oneOf<Name extends string>(name: string, names: readonly [Name, ...Name[]]): Name;
  /** values that say nothing are removed from the place */
  set(changes: Readonly<Record<string, string | readonly string[]>>): void;
  /** the values under these names, for the API, which refuses in its own words what it does not understand */
  sent(names: readonly string[]): Query;
}

export function askedIn(place: Place): Asked {
  const text = (name: string) => place.query.get(name) ?? '';
  return {
    text,
    list: (name) => [...new Set(text(name).split(','))].filter((each) => each !== ''),
    oneOf: (name, names) => names.find((each) => each === text(name)) ?? names[0],
    set: (changes) =>
      changeQuery(
        place,
        Object.fromEntries(
          Object.entries(changes).map(([name, value]) => {
            const said = typeof value === 'string' ? value : value.join(',');
            return [name, said === '' ? null : said];
          }),
        ),
      ),
    sent: (names) => Object.fromEntries(names.map((name) => [name, text(name)]).filter(([, value]) => value !== '')),
  };
}
