// In charge of parts of the page that are loaded when they are needed. If one cannot be loaded, the page is not at fault: the service, or the
// way to it, is.
import { type ComponentType, type LazyExoticComponent, lazy } from 'react';
import { Problem } from '../api/call.ts';

export function lazyPart<Props>(load: () => Promise<{ default: ComponentType<Props> }>): LazyExoticComponent<ComponentType<Props>> {
  return lazy(async () => {
    try {
      return await load();
    } catch (error) {
      // what browsers throw if a module cannot be fetched; a module that fails on its own throws its own error
      throw error instanceof TypeError ? new Problem(0, { code: 'unreachable', title: 'unreachable' }) : error;
    }
  });
}
