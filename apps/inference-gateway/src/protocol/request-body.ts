import type { IncomingMessage } from 'node:http';
import { PermanentError } from '@rondo/kernel';
import { refuse } from '../domain/infer-request.js';

/** Largest request body. */
export const BODY_BYTES_MAX = 8 * 1024 * 1024;
/** Pieces a body may come in: a byte at a time costs more than it brings. */
const PIECES_MAX = 20_000;

/** Reads a JSON body. @throws `out-of-range` beyond the limits, `invalid` for anything that is not JSON */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  checkHeaders(request);
  const bytes = await readBytes(request);
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch {
    refuse('request', bytes.subarray(0, 64).toString('utf8'), 'must be JSON');
  }
}

function checkHeaders({ headers }: IncomingMessage): void {
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity')
    refuse('content-encoding', encoding, 'must be absent: compressed bodies are not taken');
  if (headers['inference-header-content-length'] !== undefined) {
    refuse(
      'inference-header-content-length',
      headers['inference-header-content-length'],
      'must be absent: binary tensors travel over gRPC',
    );
  }
  const length = Number(headers['content-length'] ?? 0);
  if (length > BODY_BYTES_MAX) throw tooLarge(length);
}

function readBytes(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let bytes = 0;
    request.on('data', (piece: Buffer) => {
      bytes += piece.byteLength;
      if (bytes > BODY_BYTES_MAX || pieces.length >= PIECES_MAX) {
        request.removeAllListeners('data');
        request.pause();
        reject(tooLarge(bytes));
        return;
      }
      pieces.push(piece);
    });
    request.on('end', () => resolve(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)));
    // A caller who left or was cut is at fault, not the gateway.
    const endedEarly = (cause?: Error): void =>
      reject(new PermanentError('invalid', 'the request ended early', { field: 'request', rule: 'complete', cause }));
    request.on('error', endedEarly);
    request.on('close', () => {
      if (!request.complete) endedEarly();
    });
  });
}

function tooLarge(bytes: number): PermanentError {
  return new PermanentError(
    'out-of-range',
    `the body has ${bytes} bytes or too many pieces: at most ${BODY_BYTES_MAX} are taken`,
    {
      field: 'request',
      value: bytes,
      rule: `at most ${BODY_BYTES_MAX} bytes`,
      reason: 'BODY_TOO_LARGE',
    },
  );
}
