// The parts of one thing, each with its own place: links, so that the keyboard, a new window and the back button work as usual.
import { useEffect, useRef } from 'react';
import { hrefOf, type Place } from '../route.ts';

interface Props {
  readonly place: Place;
  readonly label: string;
  /** name in the query and text; the first is shown if the query names none */
  readonly tabs: readonly (readonly [name: string, text: string])[];
  /** the parts of the query that are kept from one tab to another */
  readonly kept?: readonly string[];
}

export function Tabs({ place, label, tabs, kept = [] }: Props) {
  const current = currentTab(place, tabs);
  const along = Object.fromEntries(kept.flatMap((name) => (place.query.has(name) ? [[name, place.query.get(name) ?? '']] : [])));
  const row = useRef<HTMLElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: where the row is wider than the window, the tab that is shown is brought into it
  useEffect(() => {
    const [bar, tab] = [row.current, row.current?.querySelector<HTMLElement>('[aria-current]')];
    if (bar !== null && tab != null) bar.scrollLeft = tab.offsetLeft - bar.offsetLeft - (bar.clientWidth - tab.offsetWidth) / 2;
  }, [current]);
  return (
    <nav ref={row} className="tabs" aria-label={label}>
      {tabs.map(([name, text], index) => (
        <a
          key={name}
          href={hrefOf(place.path, index === 0 ? along : { ...along, tab: name })}
          aria-current={name === current ? 'page' : undefined}
        >
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
