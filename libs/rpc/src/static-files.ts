import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join, relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.webmanifest': 'application/manifest+json',
  '.txt': 'text/plain; charset=utf-8',
};

interface StaticFile {
  readonly path: string;
  readonly type: string;
  readonly etag: string;
  readonly sizeBytes: number;
}

/**
 * Serves the files that were in a folder at start, and `/index.html` for every other page of the console. Requests are looked up in
 * that list, never resolved as paths: there is nothing to traverse. Files under `/assets/` carry a hash in their name and are kept
 * for a year.
 */
export class StaticFiles {
  readonly #files: ReadonlyMap<string, StaticFile>;

  constructor(folder: string) {
    this.#files = existsSync(folder) ? listFiles(folder) : new Map();
  }

  /** True when there is a page to show. */
  get hasIndex(): boolean {
    return this.#files.has('/index.html');
  }

  /** Answers GET and HEAD of a file or page; false when there is nothing to show. */
  serve(request: IncomingMessage, response: ServerResponse, pathname: string): boolean {
    if (request.method !== 'GET' && request.method !== 'HEAD') return false;
    const file = this.#files.get(pathname) ?? (isPage(request, pathname) ? this.#files.get('/index.html') : undefined);
    if (!file) return false;
    const kept = pathname.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
    const headers = { etag: file.etag, 'cache-control': kept };
    if (request.headers['if-none-match'] === file.etag) {
      response.writeHead(304, headers).end();
      return true;
    }
    response.writeHead(200, { ...headers, 'content-type': file.type, 'content-length': file.sizeBytes });
    if (request.method === 'HEAD') response.end();
    else pipeline(createReadStream(file.path), response).catch(() => response.destroy());
    return true;
  }
}

/** Pages are the root and addresses without a file ending that a browser navigates to. */
function isPage(request: IncomingMessage, pathname: string): boolean {
  if (pathname === '/') return true;
  return (
    extname(pathname) === '' && !pathname.startsWith('/v1/') && (request.headers.accept ?? '').includes('text/html')
  );
}

function listFiles(folder: string): Map<string, StaticFile> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    files.map((path) => [
      `/${relative(folder, path).split(sep).join('/')}`,
      {
        path,
        type: TYPES[extname(path)] ?? 'application/octet-stream',
        etag: `"${createHash('sha256').update(readFileSync(path)).digest('base64url').slice(0, 22)}"`,
        sizeBytes: statSync(path).size,
      },
    ]),
  );
}
