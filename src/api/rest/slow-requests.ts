// In charge of callers that are slow: a head, a JSON body or an upload that drips or stands still is given up, and so is an answer that nobody
// reads, so that nobody can hold a connection for ever with a byte now and then. Not of answers that are streams: the code that streams takes
// care of those.
import type { FastifyInstance } from 'fastify';

export interface Patience {
  /** for the head of a request, also on a connection that has sent nothing yet */
  readonly headMs: number;
  /** for the whole of a JSON body: 16 MB in a minute is a slow line */
  readonly bodyMs: number;
  /** for the next bytes of an upload, which itself may be of any length */
  readonly uploadMs: number;
  /** for the next bytes of an answer to be taken */
  readonly unreadMs: number;
  /** how long connections without a request are kept; longer than load balancers keep theirs */
  readonly idleMs: number;
  /** how often heads are checked */
  readonly lookMs: number;
}

export const PATIENCE: Patience = { headMs: 30_000, bodyMs: 60_000, uploadMs: 300_000, unreadMs: 60_000, idleMs: 72_000, lookMs: 5_000 };

/** The server's own limits. `requestTimeout` stays 0, since uploads may take as long as they need. */
export function serverPatience({ headMs, lookMs }: Patience): {
  readonly headersTimeout: number;
  readonly connectionsCheckingInterval: number;
} {
  return { headersTimeout: headMs, connectionsCheckingInterval: lookMs };
}

/** For bodies; a connection that is given up ends without an answer, since its sender has not finished asking. */
export function giveUpSlowBodies(app: FastifyInstance, { bodyMs, uploadMs }: Patience): void {
  app.addHook('preParsing', async (request, reply) => {
    const { raw } = request;
    if (raw.complete) return;
    const isUpload = request.routeOptions.config?.upload === true;
    const giveUp = () => {
      if (!raw.complete) raw.destroy();
    };
    if (isUpload) {
      raw.setTimeout?.(uploadMs, giveUp); // limits silence; an injected request has no connection
      // All of it has come: Node would end the connection of an import that works on it for longer. Behind the answer Node's own limit stands.
      raw.once('close', () => {
        if (!reply.raw.writableFinished) raw.setTimeout?.(0);
      });
      return;
    }
    const timer = setTimeout(giveUp, bodyMs); // limits the whole body
    timer.unref();
    raw.once('close', () => clearTimeout(timer));
  });
}

/** An answer is kept until all of it has been taken: without a bound for ever, since a connection that nobody reads does not end by itself. */
export function giveUpUnreadAnswers(app: FastifyInstance, { unreadMs }: Patience): void {
  app.addHook('onSend', (request, { raw }, payload, done) => {
    const isWhole = (typeof payload === 'string' || Buffer.isBuffer(payload)) && payload.length > 0;
    if (isWhole && request.method !== 'HEAD') raw.setTimeout(unreadMs, () => raw.destroy()); // limits silence
    done();
  });
}
