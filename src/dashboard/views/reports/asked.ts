// In charge of what a report is asked for: all of it stands in the place's query, so that a link shows the same to whoever follows it.
import type { Query } from '../../api/call.ts';
import { changeQuery, type Place } from '../../route.ts';

export interface Asked {
  /** '' where it is not said */
  text(name: string): string;
  list(name: string): readonly string[];
  /** the first where none of them is said */
  oneOf<Name extends string>(name: string, names: readonly [Name, ...Name[]]): Name;
  /** nothing said is taken out of the place */
  set(changes: Readonly<Record<string, string | readonly string[]>>): void;
  /** those of the names that are said, for the API, which refuses what it does not understand in its own words */
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
