// In charge of reading JSON bodies: strict UTF-8, then the parser of the ingest stage, so that no number loses digits on the way.
import type { FastifyInstance } from 'fastify';
import { AppError } from '../../errors.ts';

import { parseJson } from '../../ingest/parse-json.ts';

const MAX_BODY_BYTES = 16 * 1024 * 1024;

export function readJsonBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer', bodyLimit: MAX_BODY_BYTES }, (request, bytes, done) => {
    try {
      const encoding = request.headers['content-encoding'];
      if (encoding !== undefined && encoding !== 'identity') {
        throw new AppError('unsupported_media_type', 'Compressed bodies are taken by /v1/imports only.');
      }
      done(null, readJson(bytes as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
}

const decoder = new TextDecoder('utf-8', { fatal: true });

function readJson(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined; // treated as no body: the route says whether it needs one
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch (cause) {
    throw new AppError('invalid_encoding', 'The body is not valid UTF-8.', { cause });
  }
  return parseJson(text);
}
