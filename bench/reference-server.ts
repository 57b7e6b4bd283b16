// In charge of what one would write instead of Strata's reads: bare Fastify, the plain pool of pg, one named statement per route; in a separate
// process, on the database that the service has. It knows neither keys nor scopes, checks for nothing that is due, and validates nothing.
import Fastify from 'fastify';
import pg from 'pg';
import { customerKey } from '../src/ingest/customer-key.ts';
import { answerParent } from './child.ts';

const CONNECTIONS = 10;

const SEGMENTS_OF = `
  select s.key, s.name, m.since
  from memberships as m
  join segments as s on s.id = m.segment_id
  where m.customer_id = $1
  order by s.key`;

/**
 * The page is cut before customers are joined: if it is cut after the join, a generic plan sorts or merges the whole segment, 20 to 100 ms a
 * page.
 */
const MEMBERS = `
  select m.since, c.external_id as id, c.country, c.city, c.created_at as "createdAt"
  from (
    select n.customer_id, n.since
    from memberships as n
    where n.segment_id = (select s.id from segments as s where s.key = $1) and n.customer_id > $2
    order by n.customer_id
    limit $3
  ) as m
  join customers as c on c.id = m.customer_id
  order by m.customer_id`;

async function listen(databaseUrl: string): Promise<{ readonly port: number }> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: CONNECTIONS });
  pool.on('error', () => {}); // the bench drops the database at its end
  const app = Fastify();
  app.get<{ Params: { id: string } }>('/customers/:id/segments', async ({ params: { id } }) => {
    const { rows } = await pool.query({ name: 'segments_of', text: SEGMENTS_OF, values: [customerKey(id)] });
    return { customerId: id, segments: rows };
  });
  app.get<{ Params: { key: string }; Querystring: { after: string; limit: string } }>(
    '/segments/:key/members',
    async ({ params, query }) => {
      const { rows } = await pool.query({ name: 'members', text: MEMBERS, values: [params.key, query.after, query.limit] });
      return { data: rows };
    },
  );
  return { port: Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port) };
}

answerParent(({ databaseUrl }: { readonly databaseUrl: string }) => listen(databaseUrl));
