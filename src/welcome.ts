// In charge of what the process says to people once it is ready: where it listens, the key, and what to try first.
import type { Settings } from './db/settings.ts';

export interface Welcome {
  readonly host: string;
  readonly port: number;
  readonly adminKey: { readonly value: string; readonly file: string | undefined; readonly isNew: boolean };
  readonly settings: Settings;
  readonly embedded: boolean;
}

export function welcome({ host, port, adminKey, settings, embedded }: Welcome): string {
  const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  const url = `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
  const key = adminKey.file === undefined ? '$ADMIN_KEY' : `$(cat '${adminKey.file}')`;
  const call = (method: string, path: string, body?: object) =>
    `curl -X ${method} ${url}${path} -H "Authorization: Bearer ${key}"${
      body === undefined ? '' : ` \\\n    -H 'Content-Type: application/json' -d '${JSON.stringify(body)}'`
    }`;
  return `
Strata is ready at ${url} (time zone ${settings.timeZone}, currency ${settings.currency}, ${embedded ? 'embedded Postgres' : 'Postgres of DATABASE_URL'})
${describeKey(adminKey)}
Three things to try:
  1. Say in words who belongs to a segment:
    ${call('POST', '/v1/segments', { key: 'big-spenders', name: 'Big spenders', kind: 'rule', rule: 'sum(orders.total in the last 90 days) >= 100', publish: true })}
  2. Place an order; the answer says which segments its customer is in now:
    ${call('PUT', '/v1/orders/1001', { customerId: 'ada', total: '120.00', status: 'paid' })}
  3. Ask who else is in:
    ${call('GET', '/v1/segments/big-spenders/members')}

`;
}

/** The key itself is shown once, when it was made. */
function describeKey({ value, file, isNew }: Welcome['adminKey']): string {
  if (file === undefined) return 'Admin key: the one of ADMIN_KEY';
  return isNew ? `Admin key: ${value}\n  made now and kept in ${file}; it is not shown again` : `Admin key: kept in ${file}`;
}
