// In charge of subscriptions over websockets: the protocol graphql-transport-ws, by the library of its authors; who may open how many, and what
// a slow or hostile peer may cost. A message is sent only when the one before has left, so that the feed waits instead of filling memory.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type ExecutionArgs, type ExecutionResult, type FormattedExecutionResult, GraphQLError, validate } from 'graphql';
import { CloseCode, type Context, handleProtocols, makeServer, type SubscribeMessage } from 'graphql-ws';
import { type WebSocket, WebSocketServer } from 'ws';
import { allows, type Caller, isToken, NOBODY } from '../../access/caller.ts';
import { peerAddressOf, type TrustsProxy } from '../../access/peer-address.ts';
import { Turns } from '../../base/turns.ts';
import { AppError } from '../../errors.ts';
import { recordRefusal } from '../rest/record-call.ts';
import type { GraphqlContext } from './context.ts';
import { fieldError, requestErrors } from './graphql-errors.ts';
import { GRAPHQL_LIMITS } from './limits.ts';
import { makeLoaders } from './loaders.ts';
import { measureDocument } from './measure-document.ts';
import { PersonalReads } from './personal-reads.ts';
import { Documents, readRequest } from './read-operation.ts';
import { recordRefusedFields } from './refused-fields.ts';
import { GRAPHQL_PATH, type GraphqlOptions } from './serve-http.ts';

export interface SocketOptions extends GraphqlOptions {
  /** peers whose X-Forwarded-For is believed */
  readonly trustsProxy: TrustsProxy;
}

interface Peer {
  readonly socket: WebSocket;
  readonly request: IncomingMessage;
  /** the peer's, or the one named by a trusted proxy */
  readonly address: string;
  readonly closed: AbortController;
  caller: Caller | null;
  /** subscriptions begun in the current second */
  begun: { second: number; count: number };
}

type PeerContext = Context<Record<string, unknown> | undefined, Peer>;

/** Whether a request is to become a websocket here; every other upgrade is answered as an ordinary request. */
export function isGraphqlSocket(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase() === 'websocket' && (request.url ?? '').split('?')[0] === GRAPHQL_PATH;
}

export function serveSockets(app: FastifyInstance, options: SocketOptions): void {
  const { maxSockets } = SOCKET_LIMITS;
  const server = new WebSocketServer({
    noServer: true,
    handleProtocols,
    maxPayload: GRAPHQL_LIMITS.messageBytes,
    perMessageDeflate: false, // would hold 300 KB for each socket
  });
  const sockets = new Sockets(app, options);
  app.server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    stream.on('error', () => stream.destroy());
    if (server.clients.size >= maxSockets || options.routes.stopping.aborted) return refuseUpgrade(stream, '503 Service Unavailable');
    if (!sockets.hasRoomFor(request)) return refuseUpgrade(stream, '429 Too Many Requests');
    server.handleUpgrade(request, stream, head, (socket) => sockets.open(socket, request));
  });
  app.addHook('preClose', async () => {
    for (const socket of server.clients) socket.close(1001, 'The service is stopping.');
    server.close();
    setTimeout(() => terminateAll(server), CLOSING_MS).unref(); // a peer that does not answer the close would hold up the end
  });
  app.addHook('onClose', async () => {
    terminateAll(server);
  });
}

function refuseUpgrade(stream: Duplex, status: string): void {
  stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n`);
}

/** The name under which sockets are counted before they have an identity. */
function waitingAt(address: string): string {
  return `waiting at ${address}`;
}

const CLOSING_MS = 1000;
/** Timers run for at most 24 days. */
const LONGEST_SLEEP_MS = 86_400_000;

function terminateAll(server: WebSocketServer): void {
  for (const socket of server.clients) socket.terminate();
}

const SOCKET_LIMITS = { maxSockets: 5000, subscriptionsPerSecond: 20 } as const;

class Sockets {
  readonly #app: FastifyInstance;
  readonly #options: SocketOptions;
  readonly #documents = new Documents();
  readonly #countOf = new Map<string, number>();
  readonly #server: ReturnType<typeof makeServer<Record<string, unknown> | undefined, Peer>>;

  constructor(app: FastifyInstance, options: SocketOptions) {
    this.#app = app;
    this.#options = options;
    this.#server = makeServer<Record<string, unknown> | undefined, Peer>({
      connectionInitWaitTimeout: GRAPHQL_LIMITS.initMs,
      onConnect: (context) => this.#welcome(context),
      onSubscribe: (context, _id, payload) => this.#begin(context, payload),
      onNext: async (_context, _id, _payload, { contextValue }, { data, errors }) => {
        const context = contextValue as GraphqlContext;
        await context.personalReads.tell(options.routes.strata, context.caller, context.http.request);
        recordRefusedFields(context, errors);
        return this.#present({ ...(data === undefined ? {} : { data }), ...(errors === undefined ? {} : { errors }) });
      },
      onError: (_context, _id, _payload, errors) => errors.map((error) => ({ message: error.message, ...extensionsOf(error) })),
    });
  }

  /** Asked before the upgrade: a socket that is refused by closing it keeps its place until its peer answers the close. */
  hasRoomFor(request: IncomingMessage): boolean {
    const address = peerAddressOf(request, this.#options.trustsProxy);
    return (this.#countOf.get(waitingAt(address)) ?? 0) < GRAPHQL_LIMITS.waitingOfAddress;
  }

  open(socket: WebSocket, request: IncomingMessage): void {
    const address = peerAddressOf(request, this.#options.trustsProxy);
    this.#enter(waitingAt(address), Number.POSITIVE_INFINITY);
    const peer: Peer = { socket, request, address, closed: new AbortController(), caller: null, begun: { second: 0, count: 0 } };
    const stopPinging = this.#ping(peer);
    const hold = () => {
      if (socket.bufferedAmount > GRAPHQL_LIMITS.unreadBytes) socket.terminate(); // it keeps asking, and reads none of the answers
    };
    const closed = this.#server.opened(
      {
        protocol: socket.protocol,
        send: (text) => send(socket, text),
        close: (code, reason) => socket.close(code, reason),
        onMessage: (take) =>
          socket.on('message', (data) => {
            hold();
            take(String(data)).catch((error: unknown) => this.#fail(socket, error));
          }),
      },
      peer,
    );
    socket.on('ping', hold);
    socket.on('error', () => socket.terminate()); // broken frames, messages too large: the peer's doing
    socket.once('close', (code, reason) => {
      stopPinging();
      peer.closed.abort();
      this.#leave(peer.caller === null ? waitingAt(address) : peer.caller.identity);
      closed(code, String(reason)).catch((error: unknown) => this.#app.log.error({ err: error }, 'a socket did not close well'));
    });
  }

  #fail(socket: WebSocket, error: unknown): void {
    if (socket.readyState === socket.OPEN) this.#app.log.error({ err: error }, 'a message of a socket failed');
    socket.close(CloseCode.InternalServerError, 'Internal server error');
  }

  /** Finds peers that are gone, and peers whose key is no longer valid. */
  #ping(peer: Peer): () => void {
    const { socket } = peer;
    let isAlive = true;
    socket.on('pong', () => {
      isAlive = true;
    });
    const timer = setInterval(() => {
      if (!isAlive) socket.terminate();
      isAlive = false;
      socket.ping();
      if (peer.caller !== null) this.#authenticate(peer).catch((error: unknown) => this.#dismiss(peer, error));
    }, GRAPHQL_LIMITS.pingMs);
    timer.unref();
    return () => clearInterval(timer);
  }

  /** Clients do not reconnect after this. If the database is away, that says nothing about the key: it is checked again with the next ping. */
  #dismiss(peer: Peer, error: unknown): void {
    if (!(error instanceof AppError) || peer.closed.signal.aborted) return;
    recordRefusal(this.#options.routes.strata, peer.caller ?? NOBODY, this.#carrier(peer).request, 'graphql', error);
    peer.socket.close(CloseCode.Unauthorized, 'The key or token counts no more.');
    peer.closed.abort(); // what is under way ends now, whether or not the peer answers the close
  }

  readonly #shown = new WeakMap<Peer, string | undefined>();

  #authenticate(peer: Peer): Promise<Caller> {
    const authorization = this.#shown.get(peer);
    return this.#app.authenticate({ authorization, accessToken: undefined, address: peer.address });
  }

  /** Takes a key or a token from the payload of `connection_init`, or from the header where there can be one. */
  async #welcome({ connectionParams, extra: peer }: PeerContext): Promise<boolean> {
    const given = connectionParams?.['authorization'] ?? connectionParams?.['Authorization'] ?? peer.request.headers.authorization;
    this.#shown.set(peer, typeof given === 'string' ? given : undefined);
    const caller = await this.#authenticate(peer).catch((error: unknown) => {
      const { refusal } = requestErrors(error, this.#app.log);
      recordRefusal(this.#options.routes.strata, NOBODY, this.#carrier(peer).request, 'graphql', refusal);
      peer.socket.close(refusal.code === 'unauthenticated' ? CloseCode.Unauthorized : CloseCode.Forbidden, reasonOf(refusal));
      return null;
    });
    if (caller === null || peer.socket.readyState !== peer.socket.OPEN) return false;
    const most = isToken(caller) ? GRAPHQL_LIMITS.socketsOfToken : GRAPHQL_LIMITS.socketsOfKey;
    if (!this.#enter(caller.identity, most)) {
      peer.socket.close(CloseCode.TooManyInitialisationRequests, `At most ${most} sockets are open for one key or token.`);
      return false;
    }
    this.#leave(waitingAt(peer.address));
    peer.caller = caller;
    void this.#endInTime(peer, caller);
    return true;
  }

  /** Ends the socket as soon as its key or token expires; a key that was revoked is found with the next ping. */
  async #endInTime(peer: Peer, { expiresAtMs }: Caller): Promise<void> {
    if (expiresAtMs === null) return;
    const { clock } = this.#options.routes.strata;
    const { signal } = peer.closed;
    for (let leftMs = expiresAtMs - clock.nowMs(); leftMs > 0 && !signal.aborted; leftMs = expiresAtMs - clock.nowMs())
      await clock.sleep(Math.min(leftMs, LONGEST_SLEEP_MS), signal);
    if (!signal.aborted) this.#dismiss(peer, new AppError('unauthenticated', 'The time of this key or token is over.'));
  }

  /** → whether there was room */
  #enter(name: string, most: number): boolean {
    const count = this.#countOf.get(name) ?? 0;
    if (count >= most) return false;
    this.#countOf.set(name, count + 1);
    return true;
  }

  #leave(name: string): void {
    const count = (this.#countOf.get(name) ?? 1) - 1;
    if (count > 0) this.#countOf.set(name, count);
    else this.#countOf.delete(name);
  }

  async #begin(context: PeerContext, payload: SubscribeMessage['payload']): Promise<ExecutionArgs | readonly GraphQLError[]> {
    try {
      this.#requireRoom(context);
      return await this.#argumentsOf(context.extra, payload);
    } catch (error) {
      const { refusal, errors } = requestErrors(error, this.#app.log);
      const { extra: peer } = context;
      recordRefusal(this.#options.routes.strata, peer.caller ?? NOBODY, this.#carrier(peer).request, 'graphql', refusal);
      return errors.map(({ message, extensions }) => new GraphQLError(message, { extensions: extensions ?? {} }));
    }
  }

  #requireRoom({ subscriptions, extra: { begun } }: PeerContext): void {
    const { operationsOfSocket } = GRAPHQL_LIMITS;
    const second = Math.floor(this.#options.routes.strata.clock.nowMs() / 1000);
    if (begun.second !== second) Object.assign(begun, { second, count: 0 });
    begun.count += 1;
    if (Object.keys(subscriptions).length > operationsOfSocket || begun.count > SOCKET_LIMITS.subscriptionsPerSecond) {
      const { subscriptionsPerSecond } = SOCKET_LIMITS;
      throw new AppError(
        'rate_limited',
        `At most ${operationsOfSocket} subscriptions of one socket are open, ${subscriptionsPerSecond} begin in a second.`,
      );
    }
  }

  async #argumentsOf(peer: Peer, payload: SubscribeMessage['payload']): Promise<ExecutionArgs | readonly GraphQLError[]> {
    const { schema, routes, introspection } = this.#options;
    const { caller } = peer;
    if (caller === null) throw new AppError('unauthenticated', 'This socket has not shown a key.');
    const { document, operation, variables, operationName } = this.#documents.read(readRequest(payload));
    if (operation.operation !== 'subscription')
      throw new AppError('invalid_request', 'Over a websocket subscriptions are taken; send this by HTTP.');
    const asked = measureDocument({ schema, document, operation, variables, caller, introspection });
    const mistakes = validate(schema, document);
    if (mistakes.length > 0) throw Object.assign(new Error('the document is not valid'), { errors: mistakes });
    const seesPersonal = asked.personal && allows(caller, 'pii:read');
    const personalReads = new PersonalReads();
    const signal = AbortSignal.any([routes.stopping, peer.closed.signal]);
    const contextValue: GraphqlContext = {
      strata: routes.strata,
      routes,
      reads: routes.strata.database,
      readsFor: async () => routes.strata.database, // an event is of the feed, and nobody shows a token with it
      caller,
      seesPersonal,
      loaders: makeLoaders({
        strata: routes.strata,
        reads: routes.strata.database,
        caller,
        personal: personalReads,
        seesCustomers: seesPersonal,
        fields: null,
      }),
      personalReads,
      http: this.#carrier(peer),
      signal: () => signal,
      heavyTurns: new Turns(1),
    };
    return { schema, document, contextValue, variableValues: variables ?? {}, operationName };
  }

  /** For routes that are called for parts of an event: the upgrade's request, and nothing to send a header with. */
  #carrier({ request, address }: Peer): GraphqlContext['http'] {
    const carried = {
      raw: request,
      headers: {},
      id: request.headers['sec-websocket-key'] ?? '',
      ip: address,
      log: this.#app.log,
      server: this.#app,
    };
    return { request: carried as unknown as FastifyRequest, reply: { raw: {} } as unknown as FastifyReply };
  }

  #present({ data, errors }: Pick<ExecutionResult, 'data' | 'errors'>): FormattedExecutionResult {
    if (errors === undefined) return { data: data ?? null };
    return { data: data ?? null, errors: errors.map((error) => fieldError(error, this.#app.log)) };
  }
}

function send(socket: WebSocket, text: string): Promise<void> {
  return new Promise((resolve) => {
    if (socket.readyState !== socket.OPEN) resolve();
    else socket.send(text, () => resolve()); // called when it has left; a broken socket shows by its end
  });
}

function extensionsOf({ extensions }: GraphQLError): object {
  return Object.keys(extensions).length === 0 ? {} : { extensions };
}

/** The reason in a close frame, which has room for 123 bytes. */
function reasonOf({ code }: AppError): string {
  return code;
}
