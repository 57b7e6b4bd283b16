// In charge of keeping the embedded Postgres running for as long as the service: one that ends without having been stopped (killed, out of
// memory, disk full) is started again on its port, so that every connection finds it where it was. Starting itself is embedded.ts.
import { systemClock } from '../base/clock.ts';
import type { DataFolder } from '../base/data-folder.ts';
import { type EmbeddedOptions, type EmbeddedPostgres, startEmbedded } from './embedded.ts';

const BETWEEN_TRIES_MS = 500;
/** After this long somebody must look: the process ends with the reason, and its supervisor starts it again. */
const PATIENCE_MS = 120_000;

export interface KeptPostgres {
  readonly url: string;
  readonly takenOver: boolean;
  /** why it is reached through 127.0.0.1 and not through a socket; null: it is not, or was taken over */
  readonly socketTrouble: string | null;
  /** Rejects when it has ended and could not be started again for two minutes; otherwise never settles. */
  readonly lost: Promise<never>;
  stop(): Promise<void>;
  requestStop(): void;
}

/** Throws what `startEmbedded` throws; `onEnded` gets its last log lines each time it has ended by itself. */
export async function keepEmbedded(
  folder: DataFolder,
  onEnded: (lastLines: string) => void,
  options: EmbeddedOptions = {},
): Promise<KeptPostgres> {
  const first = await startEmbedded(folder, options);
  const { hostname, port } = new URL(first.url);
  const again = { ...options, port: Number(port), needsSocket: hostname !== '127.0.0.1' };
  const stopping = new AbortController();
  let server = first;
  let restarted = Promise.resolve();
  const keep = async (): Promise<never> => {
    for (;;) {
      const lastLines = await server.ended;
      if (stopping.signal.aborted) return new Promise<never>(() => {});
      server.requestStop(); // it has ended: this releases its data folder
      onEnded(lastLines);
      const starting = startAgain(folder, again, stopping.signal).then((started) => {
        server = started ?? server;
      });
      restarted = starting.catch(() => {}); // thrown below
      await starting;
    }
  };
  return {
    url: first.url,
    takenOver: first.takenOver,
    socketTrouble: first.socketTrouble,
    lost: keep(),
    stop: async () => {
      stopping.abort();
      await restarted;
      await server.stop();
    },
    requestStop: () => {
      stopping.abort();
      server.requestStop();
    },
  };
}

/** null: it is to be stopped. If another process took the port meanwhile, or there is no room for the socket, this waits: connections know no other. */
async function startAgain(folder: DataFolder, options: EmbeddedOptions, stopping: AbortSignal): Promise<EmbeddedPostgres | null> {
  const untilMs = systemClock.nowMs() + PATIENCE_MS;
  for (;;) {
    if (stopping.aborted) return null;
    try {
      return await startEmbedded(folder, options);
    } catch (error) {
      if (systemClock.nowMs() > untilMs) throw error;
      await systemClock.sleep(BETWEEN_TRIES_MS, stopping);
    }
  }
}
