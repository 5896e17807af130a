import { realpath } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PermanentError } from '@rondo/kernel';

/** The error for an address that breaks a rule. */
export function refuseUri(uri: string, rule: string, reason: string): PermanentError {
  return new PermanentError('invalid', `uri: ${JSON.stringify(uri.slice(0, 200))} breaks the rule "${rule}"`, {
    field: 'uri',
    value: uri.slice(0, 200),
    rule,
    reason,
  });
}

/**
 * Turns locations given by others into paths that may be read: `file:` and bare paths below configured roots, judged after
 * every symbolic link is followed. A path that does not exist yet is judged by its nearest existing folder.
 */
export class AllowedRoots {
  readonly #roots: readonly string[];

  /** @param roots absolute folders; the first that holds a relative path wins */
  constructor(roots: readonly string[]) {
    this.#roots = roots.map((root) => resolve(root));
  }

  /** @throws PermanentError `invalid` with reason URI_SCHEME, URI_MALFORMED or URI_OUTSIDE_ROOTS */
  async resolve(uri: string): Promise<string> {
    const path = pathOf(uri);
    const candidates = isAbsolute(path) ? [path] : this.#roots.map((root) => resolve(root, path));
    let missing: string | undefined;
    for (const candidate of candidates) {
      const { real, exists } = await realOf(candidate);
      if (!(await this.#holds(real))) continue;
      if (exists) return real;
      missing ??= real;
    }
    if (missing !== undefined) return missing;
    throw refuseUri(uri, 'a file below one of the allowed roots', 'URI_OUTSIDE_ROOTS');
  }

  async #holds(path: string): Promise<boolean> {
    for (const root of this.#roots) {
      const { real } = await realOf(root);
      const inside = relative(real, path);
      if (inside !== '' && inside !== '..' && !inside.startsWith(`..${sep}`) && !isAbsolute(inside)) return true;
    }
    return false;
  }
}

function pathOf(uri: string): string {
  if (/[\u0000-\u001f]/.test(uri) || uri.trim() === '')
    throw refuseUri(uri, 'a path without control characters', 'URI_MALFORMED');
  if (!/^[a-z][a-z0-9+.-]*:/i.test(uri)) {
    if (/^[/\\]{2}/.test(uri) || /%2e|%2f|%5c/i.test(uri)) throw refuseUri(uri, 'a plain path', 'URI_MALFORMED');
    return uri;
  }
  if (!/^file:/i.test(uri)) throw refuseUri(uri, 'a path or a file: address', 'URI_SCHEME');
  const url = URL.parse(uri);
  if (!url || url.search !== '' || url.hash !== '' || (url.hostname !== '' && url.hostname !== 'localhost')) {
    throw refuseUri(uri, 'file: with an absolute path and nothing else', 'URI_MALFORMED');
  }
  try {
    return fileURLToPath(`file://${url.pathname}`);
  } catch {
    throw refuseUri(uri, 'file: with an absolute path and nothing else', 'URI_MALFORMED');
  }
}

async function realOf(path: string): Promise<{ readonly real: string; readonly exists: boolean }> {
  const parts: string[] = [];
  let at = path;
  for (;;) {
    try {
      return { real: resolve(await realpath(at), ...parts), exists: parts.length === 0 };
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      const parent = dirname(at);
      if ((code !== 'ENOENT' && code !== 'ENOTDIR') || parent === at)
        throw refuseUri(path, 'a readable path', 'URI_OUTSIDE_ROOTS');
      parts.unshift(relative(parent, at));
      at = parent;
    }
  }
}
