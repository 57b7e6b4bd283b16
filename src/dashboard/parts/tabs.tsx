// The parts of one thing, each a place of its own: links, so that the keyboard, a new window and the back button do what they always do.
import { hrefOf, type Place } from '../route.ts';

interface Props {
  readonly place: Place;
  readonly label: string;
  /** name in the query and text; the first is shown where the query names none */
  readonly tabs: readonly (readonly [name: string, text: string])[];
}

export function Tabs({ place, label, tabs }: Props) {
  const current = currentTab(place, tabs);
  return (
    <nav className="tabs" aria-label={label}>
      {tabs.map(([name, text], index) => (
        <a key={name} href={hrefOf(place.path, index === 0 ? {} : { tab: name })} aria-current={name === current ? 'page' : undefined}>
          {text}
        </a>
      ))}
    </nav>
  );
}

export function currentTab(place: Place, tabs: Props['tabs']): string {
  const asked = place.query.get('tab');
  return tabs.find(([name]) => name === asked)?.[0] ?? tabs[0]?.[0] ?? '';
}
