import type { Strata } from '../../pipeline.ts';
export async function awaitFreshness(_strata: Strata, _kind: 'write' | 'feed', _token: unknown): Promise<void> {}
