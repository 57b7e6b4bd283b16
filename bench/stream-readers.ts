// In charge of following the feed over many connections at once, in a separate process: counts the changes that come, and parses nothing.
import net from 'node:net';
import { answerParent } from './child.ts';

export type ReadersQuestion =
  | { readonly kind: 'open'; readonly host: string; readonly port: number; readonly key: string; readonly connections: number }
  | { readonly kind: 'count' };

/** Every event that is a change begins like this. */
const MARK = Buffer.from('event: change\n');

let received = 0;
let failure: string | null = null;

/** Resolves when the stream has begun. A connection reads from the feed's end, or from where it is told. */
function open(host: string, port: number, key: string, after: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port });
    let rest: Buffer = Buffer.alloc(0);
    socket.write(
      `GET /v1/changes/stream?after=${encodeURIComponent(after)} HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${key}\r\naccept: text/event-stream\r\n\r\n`,
    );
    socket.once('data', (chunk: Buffer) => {
      if (chunk.toString('latin1', 9, 12) === '200') resolve();
      else reject(new Error(chunk.toString()));
    });
    socket.on('data', (chunk: Buffer) => {
      const data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let seenTo = 0;
      for (let at = data.indexOf(MARK); at !== -1; at = data.indexOf(MARK, seenTo)) {
        received += 1;
        seenTo = at + MARK.length;
      }
      rest = data.subarray(Math.max(seenTo, data.length - MARK.length + 1));
    });
    socket.on('error', (error) => {
      failure = error.message;
      reject(error);
    });
    socket.on('close', () => {
      failure ??= 'a stream was closed';
    });
  });
}

/** The place where the feed ends, taken from an empty page after everything. */
async function readEnd(host: string, port: number, key: string): Promise<string> {
  let next: string | undefined;
  for (;;) {
    const query = next === undefined ? `from=${encodeURIComponent('2199-01-01T00:00:00Z')}` : `after=${encodeURIComponent(next)}`;
    const answer = await fetch(`http://${host}:${port}/v1/changes?limit=1000&${query}`, { headers: { authorization: `Bearer ${key}` } });
    if (!answer.ok) throw new Error(await answer.text());
    const page = (await answer.json()) as { data: readonly object[]; next: string };
    if (page.data.length === 0) return page.next;
    next = page.next;
  }
}

answerParent(async (question: ReadersQuestion) => {
  switch (question.kind) {
    case 'open': {
      const { host, port, key, connections } = question;
      const end = await readEnd(host, port, key);
      await Promise.all(Array.from({ length: connections }, () => open(host, port, key, end)));
      return null;
    }
    case 'count':
      if (failure !== null) throw new Error(failure);
      return { received };
  }
});
