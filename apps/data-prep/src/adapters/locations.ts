import { stat } from 'node:fs/promises';
import { checkFile } from '@rondo/datasets';
import type { AllowedRoots } from './allowed-roots.js';
import type { S3Inbox } from './s3-inbox.js';

/** Where data that others announce may lie: files below allowed folders and, where configured, objects below allowed prefixes. */
export class Locations {
  constructor(
    private readonly roots: AllowedRoots,
    private readonly inbox: S3Inbox | undefined,
  ) {}

  /** Judges an address; whether anything is there is another question. @throws PermanentError `invalid`, naming the rule */
  async check(uri: string): Promise<void> {
    const inbox = this.#inboxOf(uri);
    if (inbox) inbox.check(uri);
    else await this.roots.resolve(uri);
  }

  /** Tells two versions of the data apart without reading it; corrected data under the same address is new data. */
  async version(uri: string): Promise<string> {
    const inbox = this.#inboxOf(uri);
    if (inbox) return inbox.version(uri);
    const found = await stat(await this.roots.resolve(uri), { bigint: true }).catch(() => undefined);
    return found ? `${found.size}@${found.mtimeNs}` : 'missing';
  }

  /**
   * Runs `use` with the path of a file with the data, valid only meanwhile. The address is judged again: a link may have been
   * swapped in since.
   * @throws PermanentError as `checkFile` does for a file that is missing, unreadable or too large
   */
  async withFile<T>(uri: string, maxBytes: number, use: (path: string) => Promise<T>): Promise<T> {
    const open = async (path: string): Promise<T> => {
      await checkFile(path, maxBytes);
      return use(path);
    };
    const inbox = this.#inboxOf(uri);
    return inbox ? inbox.withFile(uri, maxBytes, open) : open(await this.roots.resolve(uri));
  }

  /** Without configured prefixes an `s3:` address is refused like any other scheme. */
  #inboxOf(uri: string): S3Inbox | undefined {
    return /^s3:/i.test(uri) ? this.inbox : undefined;
  }
}
