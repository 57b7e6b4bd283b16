// In charge of sending operations of GraphQL to a service in process.
import type { Answer, Service } from '../api/service.ts';

/** The answer's body; `variables` and `headers` as they are. */
export async function ask(
  service: Service,
  query: string,
  variables: object = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer['body']> {
  return (await service.call('POST', '/graphql', { query, variables }, headers)).body;
}

/** The data, where nothing went wrong. */
export async function dataOf(
  service: Service,
  query: string,
  variables: object = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer['body']> {
  const { data, errors } = await ask(service, query, variables, headers);
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  return data;
}

/** The codes of what went wrong. */
export async function codesOf(
  service: Service,
  query: string,
  variables: object = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  const { errors = [] } = await ask(service, query, variables, headers);
  return errors.map((error: { readonly extensions?: { readonly code?: string } }) => String(error.extensions?.code));
}

/** A key with these scopes, as the header that shows it. */
export async function keyOf(service: Service, scopes: readonly string[], segments?: readonly string[]): Promise<Record<string, string>> {
  const { status, body } = await service.call('POST', '/v1/keys', {
    name: [...scopes, ...(segments ?? [])].join(' '),
    scopes,
    ...(segments === undefined ? {} : { segments }),
  });
  if (status >= 300) throw new Error(JSON.stringify(body));
  return { authorization: `Bearer ${body.secret}` };
}
