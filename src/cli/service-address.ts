// In charge of which service a command talks to and with which key: from options first, then the environment, then what the service keeps.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

export interface ServiceAddress {
  /** ends with a slash */
  readonly base: string;
  readonly key: string;
}

/** The address and key, or what is wrong with them. */
export function findService(
  given: { readonly url?: string | undefined; readonly key?: string | undefined },
  environment: Readonly<Record<string, string | undefined>>,
): ServiceAddress | string {
  const base = given.url ?? (environment['STRATA_URL'] || `http://127.0.0.1:${environment['PORT'] || '3000'}`);
  if (!URL.canParse(base) || !/^https?:$/.test(new URL(base).protocol)) return `${base} is no URL of a service.`;
  const key = given.key ?? (environment['STRATA_KEY'] || environment['ADMIN_KEY'] || keptKey(environment));
  if (key === undefined)
    return 'No key: give --key, set STRATA_KEY, ADMIN_KEY or ADMIN_KEY_FILE, or run where DATA_DIR is that of the service.';
  return { base: base.endsWith('/') ? base : `${base}/`, key };
}

/** The key that the service is given as a file, otherwise the one that it made on its first start. */
function keptKey(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const file = environment['ADMIN_KEY_FILE'] || path.join(environment['DATA_DIR'] || '.strata', 'admin-key');
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
}
