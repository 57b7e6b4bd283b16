// In charge of doing something again every so many milliseconds, while the window is visible.
import { useEffect } from 'react';

export function useEvery(ms: number, work: () => void): void {
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') work();
    }, ms);
    return () => clearInterval(timer);
  }, [ms, work]);
}
