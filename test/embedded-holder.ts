// A process of its own that starts the embedded Postgres of a folder, says so, and waits to be killed (see embedded.test.ts).
import { openDataFolder } from '../src/base/data-folder.ts';
import { startEmbedded } from '../src/db/embedded.ts';

const postgres = await startEmbedded(openDataFolder(process.argv[2] ?? ''), { durable: false });
process.stdout.write(`${JSON.stringify({ pid: postgres.pid, url: postgres.url })}\n`);
