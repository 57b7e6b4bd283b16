// A table that may be wider than the window scrolls within its own frame. If it is wider, the frame can be reached and scrolled with the
// keyboard.
import { type ReactNode, useEffect, useRef, useState } from 'react';

export function Scroll({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  const frame = useRef<HTMLElement>(null);
  const [isWider, setWider] = useState(false);
  useEffect(() => {
    const place = frame.current;
    if (place === null) return undefined;
    const watcher = new ResizeObserver(() => setWider(place.scrollWidth > place.clientWidth));
    watcher.observe(place);
    if (place.firstElementChild !== null) watcher.observe(place.firstElementChild);
    return () => watcher.disconnect();
  }, []);
  return (
    <section ref={frame} className="scroll" {...(isWider ? { tabIndex: 0, 'aria-label': label } : {})}>
      {children}
    </section>
  );
}
