// Catches what the service refused; anything else is a fault of the page and is thrown on.
import { Problem } from './call.ts';

export function refusalOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  throw error;
}
