// In charge of one upload over HTTP: a stream of any length, sent no faster than the service takes it, and what the service says meanwhile and
// at the end. Not of what the user is told.
import http from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';

export interface Upload {
  readonly url: URL;
  readonly key: string;
  readonly contentType: string;
  readonly body: Readable;
  onSent(bytes: number): void;
  onProgress(progress: UploadProgress): void;
}

/** As the service reports it while it reads, and then while it writes what waited for the end of the file. */
export interface UploadProgress {
  readonly rows: number;
  readonly rejected: number;
  /** null: an older service does not say it */
  readonly readBytes: number | null;
  readonly waiting: { readonly written: number; readonly total: number } | null;
}

export interface UploadAnswer {
  readonly status: number;
  readonly body: unknown;
}

/**
 * Resolves with the answer, even one that comes before everything was sent. Throws if there is no answer. The connection is a keep-alive one: on
 * one that is to be closed, an early answer can be lost, since the service closes it while we are still writing.
 */
export function sendFile(upload: Upload): Promise<UploadAnswer> {
  const { url, key, contentType, body } = upload;
  const { promise, resolve, reject } = Promise.withResolvers<UploadAnswer>();
  const client = url.protocol === 'https:' ? https : http;
  const agent = new client.Agent({ keepAlive: true });
  const request = client.request(url, {
    method: 'POST',
    agent,
    headers: { authorization: `Bearer ${key}`, 'content-type': contentType, 'strata-progress': '1', accept: 'application/json' },
  });
  let isAnswered = false;
  request.on('information', ({ headers }) => {
    const match = /^rows=(\d+), rejected=(\d+)$/.exec(String(headers['strata-progress'] ?? ''));
    const wait = /^written=(\d+), total=(\d+)$/.exec(String(headers['strata-waiting'] ?? ''));
    const read = headers['strata-read-bytes'];
    if (match === null) return;
    upload.onProgress({
      rows: Number(match[1]),
      rejected: Number(match[2]),
      readBytes: read === undefined ? null : Number(read),
      waiting: wait === null ? null : { written: Number(wait[1]), total: Number(wait[2]) },
    });
  });
  request.on('response', (response) => {
    isAnswered = true;
    body.destroy();
    readAnswer(response).then(resolve, reject);
  });
  request.on('error', (error) => {
    body.destroy();
    if (!isAnswered) reject(error);
  });
  body.on('error', (error) => {
    if (isAnswered) return;
    request.destroy(); // the service sees a stream that broke off, and takes nothing more
    reject(error);
  });
  body.on('data', (chunk: Buffer) => {
    upload.onSent(chunk.length);
    if (request.write(chunk)) return;
    body.pause();
    request.once('drain', () => body.resume());
  });
  body.on('end', () => request.end());
  return promise.finally(() => {
    request.destroy();
    agent.destroy();
  });
}

/**
 * Asks for something small first, since a service hangs up on an unknown caller who uploads, and its answer may then be lost. null: the key is
 * known. Whether it may import is for the upload to find out: it may be good for nothing else, and so not for this question.
 */
export async function tryKey(service: URL, key: string): Promise<UploadAnswer | null> {
  const url = new URL('../runs?limit=1', service);
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
  const client = url.protocol === 'https:' ? https : http;
  client.get(url, { agent: false, headers: { authorization: `Bearer ${key}` } }, resolve).on('error', reject);
  const answer = await readAnswer(await promise);
  return answer.status === 401 ? answer : null;
}

async function readAnswer(response: http.IncomingMessage): Promise<UploadAnswer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  try {
    return { status: response.statusCode ?? 0, body: JSON.parse(text) as unknown };
  } catch {
    return { status: response.statusCode ?? 0, body: { title: 'The answer is not from Strata', detail: text.slice(0, 200) } };
  }
}
