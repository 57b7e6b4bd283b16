// In charge of how wide a drawing may be, so that its lines and texts are not stretched.
import { type RefObject, useLayoutEffect, useRef, useState } from 'react';

const FIRST = 600;

export function useWidth(): { readonly ref: RefObject<HTMLDivElement | null>; readonly width: number } {
  const ref = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(FIRST);
  useLayoutEffect(() => {
    const place = ref.current;
    if (place === null) return undefined;
    const measure = () => setWidth(Math.max(120, place.clientWidth));
    measure();
    const watcher = new ResizeObserver(measure);
    watcher.observe(place);
    return () => watcher.disconnect();
  }, []);
  return { ref, width };
}
