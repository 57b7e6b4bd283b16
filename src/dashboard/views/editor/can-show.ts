export function canShow(_json: unknown): boolean {
  return false;
}
