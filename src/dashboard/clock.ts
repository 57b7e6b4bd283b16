// In charge of what time it is where this browser is: nothing else on the page asks.
export function nowMs(): number {
  return Date.now();
}
