// In charge of saving a file of the API, fetched with the key in a header, so that the key is never part of a link. Long files are streamed to
// the disk if the browser can do so; otherwise they are held in its memory first, up to a bound.
import { type CallOptions, openStream } from './call.ts';

const MB = 1_000_000;
/** The most that is held in memory if the browser cannot stream to the disk. */
export const HELD_MB_MAX = 500;

/** The download broke off, or is more than can be held: what was received is not kept. */
export class UnsavedFile extends Error {
  readonly why: 'broken' | 'too_large';

  constructor(why: UnsavedFile['why'], cause?: unknown) {
    super(why, { cause });
    this.why = why;
  }
}

interface PickingWindow {
  readonly showSaveFilePicker?: (options: { readonly suggestedName: string }) => Promise<FileSystemFileHandle>;
}

/** Chromium, if the page comes by https or from this machine. */
export function canStreamToDisk(): boolean {
  return (window as PickingWindow).showSaveFilePicker !== undefined;
}

export interface FileRequest extends Pick<CallOptions, 'query'> {
  readonly path: string;
  readonly fileName: string;
  readonly signal: AbortSignal;
  /** megabytes so far */
  readonly onProgress: (megabytes: number) => void;
}

/** Asks where to save first, which the browser allows only at a click. Throws `Problem`, `UnsavedFile`, and `AbortError` if the user cancels. */
export async function streamToDisk(request: FileRequest): Promise<void> {
  const handle = await (window as PickingWindow).showSaveFilePicker?.({ suggestedName: request.fileName });
  if (handle === undefined) throw new Error('this browser cannot');
  const body = await open(request);
  const file = await handle.createWritable();
  await body.pipeTo(file, { signal: request.signal }).catch((error: unknown) => {
    throw isAbort(error) ? error : new UnsavedFile('broken', error);
  });
}

/** Throws the same. */
export async function saveFromMemory(request: FileRequest): Promise<void> {
  const blob = new Blob(await readAll((await open(request)).getReader()), { type: 'text/csv' });
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = request.fileName;
  link.click();
  URL.revokeObjectURL(url);
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

async function readAll(reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>): Promise<Uint8Array<ArrayBuffer>[]> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read().catch((error: unknown) => {
      throw isAbort(error) ? error : new UnsavedFile('broken', error);
    });
    if (done) return chunks;
    bytes += value.byteLength;
    chunks.push(value);
    if (bytes <= HELD_MB_MAX * MB) continue;
    await reader.cancel();
    throw new UnsavedFile('too_large');
  }
}

async function open({ path, query, signal, onProgress }: FileRequest): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const { body } = await openStream(path, { ...(query === undefined ? {} : { query }), signal });
  if (body === null) throw new UnsavedFile('broken');
  let bytes = 0;
  const meter = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform: (chunk, controller) => {
      bytes += chunk.byteLength;
      onProgress(bytes / MB);
      controller.enqueue(chunk);
    },
  });
  return body.pipeThrough(meter, { signal });
}
