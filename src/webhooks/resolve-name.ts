// In charge of the addresses of a name. Node's own look-up occupies one of four threads, which files and cryptography need too, for as long as a
// name server is silent; so name servers are asked without a thread, and the system (its hosts file) only for names that they say do not exist,
// one at a time. Not of which addresses are allowed (addresses.ts).
import dns from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';

const PATIENCE_MS = 2000;
const TRIES = 2;

export interface Resolving {
  resolve4(name: string): Promise<string[]>;
  resolve6(name: string): Promise<string[]>;
  lookup(name: string): Promise<readonly { readonly address: string; readonly family: number }[]>;
}

/** Has the form of Node's dns.lookup; always gives all addresses. */
export function resolverOf({ resolve4, resolve6, lookup }: Resolving): LookupFunction {
  let turn: Promise<unknown> = Promise.resolve();
  const askSystem = (name: string) => {
    const found = turn.then(() => lookup(name));
    turn = found.catch(() => {});
    return found;
  };
  const find = async (name: string) => {
    const asked = await Promise.allSettled([resolve4(name), resolve6(name)]);
    const addresses = asked.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : []));
    if (addresses.length > 0) return addresses.map((address) => ({ address, family: isIP(address) }));
    const silence = asked.find((outcome) => outcome.status === 'rejected' && isSilence(outcome.reason));
    if (silence?.status === 'rejected') throw silence.reason;
    return askSystem(name);
  };
  return (name, _options, callback) => {
    find(name).then(
      (addresses) => callback(null, [...addresses]),
      (error) => callback(error, [], 0),
    );
  };
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
