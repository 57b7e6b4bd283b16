// In charge of the addresses of a name. Node's own look-up occupies one of four threads, which files and cryptography need too, for as long as a
// name server is silent; so name servers are asked without a thread, and the system (its hosts file) only for names that they say do not exist,
// one at a time. Not of which addresses are allowed (addresses.ts).
import dns from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { type Clock, systemClock } from '../base/clock.ts';

const PATIENCE_MS = 2000;
const TRIES = 2;
/**
 * How long the addresses of one family wait for the other's. Some name servers never answer for IPv6, and two tries take longer than a connection may
 * (send.ts). Those that do answer are hardly ever so much later.
 */
const OTHER_FAMILY_MS = 300;

export interface Resolving {
  resolve4(name: string): Promise<string[]>;
  resolve6(name: string): Promise<string[]>;
  lookup(name: string): Promise<readonly { readonly address: string; readonly family: number }[]>;
}

/** Has the form of Node's dns.lookup; always gives all addresses that were found: nobody connects to one that comes later. */
export function resolverOf({ resolve4, resolve6, lookup }: Resolving, clock: Clock = systemClock): LookupFunction {
  let turn: Promise<unknown> = Promise.resolve();
  const askSystem = (name: string) => {
    const found = turn.then(() => lookup(name));
    turn = found.catch(() => {});
    return found;
  };
  const find = async (name: string) => {
    const { addresses, errors } = await askBoth([resolve4(name), resolve6(name)], clock);
    if (addresses.length > 0) return addresses.map((address) => ({ address, family: isIP(address) }));
    const silence = errors.find(isSilence);
    if (silence !== undefined) throw silence;
    return askSystem(name);
  };
  return (name, _options, callback) => {
    find(name).then(
      (addresses) => callback(null, [...addresses]),
      (error) => callback(error, [], 0),
    );
  };
}

interface Asked {
  /** the first family's first */
  readonly addresses: readonly string[];
  readonly errors: readonly unknown[];
}

/** Both families' answers; once one has given addresses, what the other gives soon. */
async function askBoth(families: readonly Promise<string[]>[], clock: Clock): Promise<Asked> {
  const found: string[][] = families.map(() => []);
  const errors: unknown[] = [];
  const over = new AbortController();
  const all = Promise.all(
    families.map(async (family, index) => {
      try {
        found[index] = await family;
      } catch (error) {
        errors.push(error);
      }
    }),
  );
  const soon = families.map(async (family) => {
    const addresses = await family.catch(() => []);
    await (addresses.length > 0 ? clock.sleep(OTHER_FAMILY_MS, over.signal) : all);
  });
  await Promise.race([all, ...soon]);
  over.abort();
  return { addresses: found.flat(), errors };
}

function isSilence(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === dns.TIMEOUT || error.code === dns.CANCELLED);
}

const servers = new dns.promises.Resolver({ timeout: PATIENCE_MS, tries: TRIES });

export const resolveName: LookupFunction = resolverOf({
  resolve4: (name) => servers.resolve4(name),
  resolve6: (name) => servers.resolve6(name),
  lookup: (name) => dns.promises.lookup(name, { all: true }),
});
