// In charge of a file's bytes: decompressed, and with every way in which a stream can end early told apart and named.
import { pipeline, Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { AppError } from '../../errors.ts';

export type ContentEncoding = 'identity' | 'gzip' | 'deflate' | 'br';

type Decompressor = ReturnType<typeof createGunzip | typeof createInflate | typeof createBrotliDecompress>;

const DECOMPRESSORS: Readonly<Record<Exclude<ContentEncoding, 'identity'>, () => Decompressor>> = {
  gzip: () => createGunzip(),
  deflate: () => createInflate(),
  br: () => createBrotliDecompress(),
};

/** The value of a Content-Encoding header; undefined: one that is not supported. */
export function contentEncoding(header: string | undefined): ContentEncoding | undefined {
  switch ((header ?? 'identity').trim().toLowerCase()) {
    case '':
    case 'identity':
      return 'identity';
    case 'gzip':
    case 'x-gzip':
      return 'gzip';
    case 'deflate':
      return 'deflate';
    case 'br':
      return 'br';
    default:
      return undefined;
  }
}

const GZIP_MAGIC = [0x1f, 0x8b];

/**
 * Chunks as they come, no faster than they are consumed. Bytes that begin like gzip are treated as such even if nothing says so: no text
 * begins like that. The stream is not destroyed when reading stops early, so that a request can still be answered.
 * `onRead` is told how many bytes, as they were sent, have been read so far. Throws AppError `import_incomplete` or `invalid_compression`.
 */
export async function* readBytes(
  stream: Readable,
  encoding: ContentEncoding,
  onRead: (bytes: number) => void = () => {},
): AsyncGenerator<Uint8Array> {
  stream.on('error', () => {}); // an error after we stopped reading concerns nobody
  const raw = stream.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array>;
  let applied = encoding;
  try {
    const first = await firstBytes(raw);
    if (encoding === 'identity' && GZIP_MAGIC.every((byte, index) => first[index] === byte)) applied = 'gzip';
    const bytes = rejoin(first, raw, stream);
    yield* applied === 'identity' ? counted(bytes, onRead) : decompressed(bytes, applied, onRead);
  } catch (error) {
    throw toRefusal(error, applied);
  }
}

async function* counted(bytes: AsyncIterable<Uint8Array>, onRead: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  let count = 0;
  for await (const chunk of bytes) {
    count += chunk.length;
    onRead(count);
    yield chunk;
  }
}

/** Counted as they are taken apart: what waits for it may come to hundreds of times as much. */
async function* decompressed(
  bytes: AsyncIterable<Uint8Array>,
  encoding: keyof typeof DECOMPRESSORS,
  onRead: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  const decompressor = DECOMPRESSORS[encoding]();
  for await (const chunk of pipeline(Readable.from(bytes, { objectMode: false }), decompressor, () => {})) {
    // errors surface in this loop
    onRead(decompressor.bytesWritten);
    yield chunk as Uint8Array;
  }
}

async function firstBytes(raw: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  let first = Buffer.alloc(0);
  while (first.length < GZIP_MAGIC.length) {
    const { value, done } = await raw.next();
    if (done === true) break;
    first = Buffer.concat([first, value]);
  }
  return first;
}

/**
 * When reading stops early, whatever still comes is discarded: a request that is not read would never notice that its caller is gone
 * (Node 24 does not do this by itself for a request read in part).
 */
async function* rejoin(first: Uint8Array, raw: AsyncIterator<Uint8Array>, stream: Readable): AsyncGenerator<Uint8Array> {
  try {
    if (first.length > 0) yield first;
    for (;;) {
      const { value, done } = await raw.next();
      if (done === true) return;
      yield value;
    }
  } finally {
    await raw.return?.();
    stream.resume();
  }
}

function toRefusal(error: unknown, encoding: ContentEncoding): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'Z_BUF_ERROR' || (code.startsWith('ERR_') && encoding === 'br' && code.includes('UNEXPECTED_END'))) {
    return new AppError('import_incomplete', `The ${encoding} stream ends before its end: the file is cut off.`, { cause: error });
  }
  if (code.startsWith('Z_') || code.startsWith('ERR__') || code.startsWith('ERR_BROTLI') || code.startsWith('ERR_PADDING')) {
    const isOther = messageOf(error).includes('incorrect header check');
    const detail = isOther
      ? `The file is not compressed as Content-Encoding ${encoding} says; without that header it is taken as it is, and gzip is recognised.`
      : `The ${encoding} stream is damaged: ${messageOf(error)}.`;
    return new AppError('invalid_compression', detail, { cause: error });
  }
  if (error instanceof AppError) return error;
  return new AppError('import_incomplete', `The stream broke off: ${messageOf(error)}.`, { cause: error });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
