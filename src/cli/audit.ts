// In charge of `strata audit verify`: its options, what it prints and how it exits. What is proven is access/verify-audit.ts.
import { parseArgs } from 'node:util';
import { type AuditVerdict, type KnownHead, verifyAudit } from '../access/verify-audit.ts';
import { openStore } from './open-store.ts';
import { count } from './progress.ts';
import { processTerminal, type Terminal } from './terminal.ts';

export const AUDIT_HELP = `strata audit verify [--head POSITION:CHAIN …]

Makes every hash of the audit anew and compares the chain from its beginning to its head, also while the service runs.
The database is that of DATABASE_URL, or the embedded one under DATA_DIR.

  --head POSITION:CHAIN   a head that was noted earlier (GET /v1/audit/head): without one, nobody can tell whether the end was cut off

Exit codes: 0 all is as it was written, 1 it could not be done, 2 the command was not understood, 3 something was changed.
`;

const EXIT = { whole: 0, usage: 2, changed: 3 } as const;

/** → the exit code */
export async function auditCommand(given: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  const known = readHeads(given);
  if (typeof known === 'string') {
    terminal.progress.write(`${known}\n\n${AUDIT_HELP}`);
    return EXIT.usage;
  }
  const store = await openStore(terminal.environment);
  try {
    const verdict = await verifyAudit(store.database, known);
    terminal.out(describe(verdict));
    return verdict.fault === null ? EXIT.whole : EXIT.changed;
  } finally {
    await store.close();
  }
}

/** The command's options, or what is wrong with them. */
function readHeads(given: readonly string[]): readonly KnownHead[] | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...given],
      options: { head: { type: 'string', multiple: true, default: [] } },
      allowPositionals: true,
    });
    if (positionals.join(' ') !== 'verify') return 'There is one command for the audit: verify.';
    const heads = values.head.map((head) => /^(\d{1,18}):([0-9a-fA-F]{64})$/.exec(head));
    if (heads.includes(null)) return '--head is a position and a chain of 64 hexadecimal digits, with a colon between.';
    return heads.map((head) => ({ position: String(head?.[1]), chain: String(head?.[2]) }));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function describe({ entries, forgotten, waiting, head, fault }: AuditVerdict): string {
  if (fault !== null) return `WRONG at ${fault.position}: ${fault.detail}.\n${count(entries)} entries before that are whole.\n`;
  const removed = forgotten === 0 ? '' : `, ${count(forgotten)} payloads of which were removed by erasures`;
  const late = waiting === 0 ? '' : `\n${count(waiting)} entries wait for their places and are not proven yet.`;
  return `ok    ${count(entries)} entries are whole and in order${removed}.${late}\nhead  ${head.position}:${head.chain}\n`;
}
