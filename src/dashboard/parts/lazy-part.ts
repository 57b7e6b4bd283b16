// In charge of parts of the page that are loaded when they are needed. One that does not come is no fault of the page: the service, or the way to it, is.
import { type ComponentType, type LazyExoticComponent, lazy } from 'react';
import { Problem } from '../api/call.ts';

export function lazyPart<Props>(load: () => Promise<{ default: ComponentType<Props> }>): LazyExoticComponent<ComponentType<Props>> {
  return lazy(async () => {
    try {
      return await load();
    } catch (error) {
      // what browsers throw where a module cannot be fetched; one that fails by itself throws what it throws
      throw error instanceof TypeError ? new Problem(0, { code: 'unreachable', title: 'unreachable' }) : error;
    }
  });
}
