import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '@rondo/kernel';
import type { ServedRouting } from '../domain/served-routing.js';

const MODEL_FILE = /^[0-9a-f]{64}\.onnx$/;
const TEMPORARY = '.tmp';

/**
 * What a gateway needs to serve after a restart with everything else down: the last routing of each endpoint and the files of
 * their models. Writes are atomic, and one that fails leaves nothing behind; a torn or altered file counts as absent.
 */
export class StateFolder {
  readonly #routings: string;
  readonly #models: string;

  constructor(folder: string) {
    this.#routings = join(folder, 'routings');
    this.#models = join(folder, 'models');
  }

  /** Creates the folders, and removes what a write left that was cut off. */
  async open(): Promise<void> {
    for (const folder of [this.#routings, this.#models]) {
      await mkdir(folder, { recursive: true });
      for (const name of await readdir(folder))
        if (name.endsWith(TEMPORARY)) await rm(join(folder, name), { force: true });
    }
  }

  /** The last routing of each endpoint. */
  async routings(): Promise<ServedRouting[]> {
    const found: ServedRouting[] = [];
    for (const name of await readdir(this.#routings)) {
      if (!name.endsWith('.json')) continue;
      const routing = checked(await readFile(join(this.#routings, name), 'utf8'));
      if (routing) found.push(routing);
    }
    return found;
  }

  /** Replaces the routing of an endpoint; durable when it resolves. */
  async saveRouting(routing: ServedRouting): Promise<void> {
    const text = canonicalJson(routing);
    // The endpoint's hash is the file's name, so that no endpoint can name a path.
    await replaceFile(this.#routings, `${sha256(routing.endpoint)}.json`, Buffer.from(`${sha256(text)}\n${text}`));
  }

  /** The file of a model when it is here and whole. */
  async model(digest: string): Promise<Uint8Array | undefined> {
    const hex = hexOf(digest);
    try {
      const bytes = await readFile(join(this.#models, `${hex}.onnx`));
      return createHash('sha256').update(bytes).digest('hex') === hex ? bytes : undefined;
    } catch {
      return undefined;
    }
  }

  /** Keeps the file of a model. */
  async saveModel(digest: string, bytes: Uint8Array): Promise<void> {
    await replaceFile(this.#models, `${hexOf(digest)}.onnx`, bytes);
  }

  /** Removes the files of all other models. */
  async retainModels(digests: ReadonlySet<string>): Promise<void> {
    const kept = new Set([...digests].map((digest) => `${hexOf(digest)}.onnx`));
    for (const name of await readdir(this.#models))
      if (MODEL_FILE.test(name) && !kept.has(name)) await rm(join(this.#models, name), { force: true });
  }
}

function checked(content: string): ServedRouting | undefined {
  const end = content.indexOf('\n');
  const text = content.slice(end + 1);
  return end > 0 && sha256(text) === content.slice(0, end) ? (JSON.parse(text) as ServedRouting) : undefined;
}

async function replaceFile(folder: string, name: string, bytes: Uint8Array): Promise<void> {
  const temporary = join(folder, `${randomUUID()}${TEMPORARY}`);
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, join(folder, name));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

function hexOf(digest: string): string {
  return digest.replace(/^sha256:/, '');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
