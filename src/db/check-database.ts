// In charge of asking the database whether it answers, for readiness. Throws when it does not within the pool's connection timeout.
import type { Database } from './database.ts';

export async function checkDatabase(database: Database): Promise<void> {
  await database.query({ name: 'check_database', text: 'select 1' });
}
