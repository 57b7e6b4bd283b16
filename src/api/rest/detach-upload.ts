// In charge of an upload that can be given up while it still comes: a request that is destroyed takes its connection along, and with it the answer.
// Not of reading it (ingest/imports/read-bytes.ts).
import { finished, PassThrough, type Readable } from 'node:stream';

/** The same bytes, in a stream that may be destroyed: what then still comes of the body is discarded. */
export function detachUpload(body: Readable): Readable {
  const detached = new PassThrough();
  detached.on('error', () => {}); // whoever reads it gets the error; nobody may be reading yet
  detached.once('close', () => body.resume());
  finished(body, { writable: false }, (error) => {
    if (error) detached.destroy(error);
  });
  return body.pipe(detached);
}
