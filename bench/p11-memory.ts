// P11: the memory of the service after whatever was measured before in this run, and the most it ever had. On its own it says what the service
// takes with 50 segments built; `--only P1,P11` adds the imports.
import type { Bench } from './bench.ts';
import { peakMegabytes, residentMegabytes } from './processes.ts';

const MOST_MEGABYTES = 250;

export async function measureMemory(bench: Bench): Promise<void> {
  const service = await bench.service();
  const plain = { unit: 'MB', reference: null, ratio: null, detail: {} };
  bench.report({
    ...plain,
    id: 'P11',
    what: 'memory of the service after all of the above (RSS)',
    value: residentMegabytes(service.pid),
    target: { sense: '<=', value: MOST_MEGABYTES },
  });
  bench.report({ ...plain, id: 'P11p', what: 'the most it ever had', value: peakMegabytes(service.pid), target: null });
}
