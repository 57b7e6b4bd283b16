// In charge of instants that are commonly asked for: midnight some days ago, where this browser is. The same all day long.
import { nowMs } from '../../clock.ts';

export function daysAgo(days: number): string {
  const day = new Date(nowMs());
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() - days).toISOString();
}
