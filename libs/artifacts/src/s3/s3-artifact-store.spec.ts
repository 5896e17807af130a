import { describe, expect, it } from '@jest/globals';
import { randomBytes, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { mkdtemp, open, readFile, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { withFullDisk, withRealServers } from '@rondo/testing';
import { artifactStoreContract } from '../../testing/index.js';
import { digestOf } from '../digest.js';
import { parseS3Address, type S3Address, type S3Credentials } from './s3-address.js';
import { S3ArtifactStore } from './s3-artifact-store.js';

const KEYS: S3Credentials = { accessKeyId: 'key', secretAccessKey: 'secret' };
const keyOf = (digest: string): string => `sha256/${digest.slice(7, 9)}/${digest.slice(9)}`;

/** A bucket of its own per test, and a plain client that can harm it. */
class Bucket {
  readonly address: S3Address;
  readonly client: S3Client;

  private constructor(server: S3Address) {
    this.address = { ...server, bucket: `rondo-${randomUUID()}` };
    this.client = new S3Client({
      endpoint: server.endpoint!,
      region: server.region,
      forcePathStyle: true,
      credentials: server.credentials as S3Credentials,
    });
  }

  static async open(server: S3Address): Promise<Bucket> {
    const bucket = new Bucket(server);
    await bucket.client.send(new CreateBucketCommand({ Bucket: bucket.address.bucket }));
    return bucket;
  }

  async overwrite(digest: string, bytes: Uint8Array): Promise<void> {
    await this.client.send(new PutObjectCommand({ Bucket: this.address.bucket, Key: keyOf(digest), Body: bytes }));
  }

  async keys(): Promise<string[]> {
    const { Contents = [] } = await this.client.send(new ListObjectsV2Command({ Bucket: this.address.bucket }));
    return Contents.map(({ Key }) => Key!);
  }

  async close(): Promise<void> {
    for (const Key of await this.keys()) {
      await this.client.send(new DeleteObjectCommand({ Bucket: this.address.bucket, Key }));
    }
    await this.client.send(new DeleteBucketCommand({ Bucket: this.address.bucket }));
    this.client.destroy();
  }
}

withRealServers(['s3'], ({ s3 }) => {
  const server = parseS3Address(s3);
  const withBucket = async (use: (bucket: Bucket, store: S3ArtifactStore, folder: string) => Promise<void>) => {
    const bucket = await Bucket.open(server);
    const folder = await mkdtemp(join(tmpdir(), 'rondo-s3-'));
    const store = new S3ArtifactStore(bucket.address, { scratchFolder: join(folder, 'scratch') });
    try {
      await use(bucket, store, folder);
    } finally {
      store.close();
      await bucket.close();
      await rm(folder, { recursive: true, force: true });
    }
  };

  artifactStoreContract('S3ArtifactStore', async () => {
    const bucket = await Bucket.open(server);
    const maxBytes = 4_000_000;
    const store = new S3ArtifactStore(bucket.address, { maxBytes });
    return {
      store,
      maxBytes,
      overwrite: (digest, bytes) => bucket.overwrite(digest, bytes),
      async close() {
        store.close();
        await bucket.close();
      },
    };
  });

  describe('S3ArtifactStore', () => {
    it(
      'takes a file in parts, keeps its checksum at the server, and finds one flipped bit in it',
      () =>
        withBucket(async (bucket, store, folder) => {
          const bytes = randomBytes(20_000_003);
          const path = join(folder, 'large.bin');
          await writeFile(path, bytes);
          const { digest, sizeBytes } = await store.putFile(path);
          expect(sizeBytes).toBe(bytes.length);
          const { ChecksumSHA256 } = await bucket.client.send(
            new HeadObjectCommand({ Bucket: bucket.address.bucket, Key: keyOf(digest), ChecksumMode: 'ENABLED' }),
          );
          expect(ChecksumSHA256).toMatch(/-3$/);
          expect(digestOf(await store.get(digest))).toBe(digest);
          bytes[12_345_678]! ^= 1;
          await bucket.overwrite(digest, bytes);
          await expect(store.get(digest)).rejects.toMatchObject({ code: 'data-loss', detail: { value: digest } });
          await expect(store.withFile(digest, readFile)).rejects.toMatchObject({ code: 'data-loss' });
        }),
      120_000,
    );

    it('lends no torn file when the disk fills up in the middle of a download, and the whole one once there is room', () =>
      withBucket(async (_bucket, store, folder) => {
        const bytes = randomBytes(3_000_000);
        const { digest } = await store.put(bytes);
        let lent = 0;
        const borrow = () => store.withFile(digest, async (path) => (lent++, digestOf(await readFile(path))));
        await expect(withFullDisk(1_000_000, borrow)).rejects.toMatchObject({
          code: 'unavailable',
          message: 'artifact store: no space left in the scratch folder',
        });
        expect(lent).toBe(0);
        expect(await readdir(join(folder, 'scratch'))).toEqual([]);
        expect(await borrow()).toBe(digest);
      }));

    it('reports a truncated object', () =>
      withBucket(async (bucket, store) => {
        const bytes = randomBytes(100_000);
        const { digest } = await store.put(bytes);
        await bucket.overwrite(digest, bytes.subarray(0, 99_999));
        await expect(store.get(digest)).rejects.toMatchObject({ code: 'data-loss' });
      }));

    it('lends a read-only copy that is gone afterwards, also when the borrower fails', () =>
      withBucket(async (_, store, folder) => {
        const { digest } = await store.put(Buffer.from('lend me'));
        const mode = await store.withFile(digest, async (path) => (await stat(path)).mode & 0o777);
        expect(mode).toBe(0o400);
        await expect(store.withFile(digest, () => Promise.reject(new Error('mine')))).rejects.toThrow('mine');
        expect(await readdir(join(folder, 'scratch'))).toEqual([]);
      }));

    it('passes its start check and leaves no probe behind', () =>
      withBucket(async (bucket, store) => {
        await store.check();
        expect(await bucket.keys()).toEqual([]);
      }));

    const powerless = parseKeys(new URL(s3).hash);
    it.each<[string, Partial<S3Address>, string, RegExp]>([
      [
        'a bucket that does not exist',
        { bucket: 'rondo-absent' },
        'S3_BUCKET_MISSING',
        /"rondo-absent" does not exist/,
      ],
      ['an unknown access key', { credentials: { ...KEYS } }, 'S3_WRONG_KEYS', /InvalidAccessKeyId/],
      [
        'a wrong secret',
        { credentials: { ...(server.credentials as S3Credentials), secretAccessKey: 'wrong' } },
        'S3_WRONG_KEYS',
        /SignatureDoesNotMatch/,
      ],
      [
        'keys without rights',
        { credentials: powerless },
        'S3_NO_RIGHTS',
        /may not write objects .* grant s3:PutObject/,
      ],
      ['a wrong region', { region: 'eu-north-1' }, 'S3_WRONG_REGION', /not in region "eu-north-1"/],
    ])('names %s', async (_, wrong, reason, message) => {
      const store = new S3ArtifactStore({ ...server, ...wrong });
      try {
        const failure = await store.check().catch((error: unknown) => error);
        expect(failure).toMatchObject({ name: 'PermanentError', detail: { reason } });
        expect((failure as Error).message).toMatch(message);
        await expect(store.put(new Uint8Array([1]))).rejects.toMatchObject({ detail: { reason } });
      } finally {
        store.close();
      }
    });
  });
});

function parseKeys(fragment: string): S3Credentials {
  const [accessKeyId, secretAccessKey] = fragment.replace('#powerless=', '').split(':');
  return { accessKeyId: accessKeyId!, secretAccessKey: secretAccessKey! };
}

describe('S3ArtifactStore against servers that are not what they should be', () => {
  it('says that a web server is no S3 server', async () => {
    await withServer(
      (_, response) => response.writeHead(404, { 'content-type': 'text/html' }).end('<html><p>Not found'),
      async (store) => {
        const failure = store.check();
        await expect(failure).rejects.toMatchObject({ code: 'failed-precondition', detail: { reason: 'S3_NOT_S3' } });
        await expect(failure).rejects.toThrow(/answers, but not as an S3 server does/);
      },
    );
  });

  it('is transient, and names the server, while nobody listens', async () => {
    let endpoint = '';
    await withServer(
      () => undefined,
      async (_, address) => void (endpoint = address.endpoint!),
    );
    const store = new S3ArtifactStore({ endpoint, region: 'r', bucket: 'bucket', credentials: KEYS });
    const failure = store.check();
    await expect(failure).rejects.toMatchObject({ name: 'TransientError', code: 'unavailable' });
    await expect(failure).rejects.toThrow(`cannot write in bucket "bucket" at ${endpoint}`);
    store.close();
  }, 60_000);

  it('reads back what a server stored without confirming its checksum', async () => {
    for (const [flip, outcome] of [
      [0, 'stored'],
      [1, 'data-loss'],
    ] as const) {
      const kept = new Map<string, Buffer>();
      await withServer(
        async (request, response) => {
          if (request.method === 'GET') return response.end(kept.get(request.url!.split('?')[0]!));
          const chunks: Buffer[] = [];
          for await (const chunk of request) chunks.push(chunk as Buffer);
          const bytes = Buffer.concat(chunks);
          bytes[0]! ^= flip;
          kept.set(request.url!.split('?')[0]!, bytes);
          return response.end();
        },
        async (store) => {
          const put = store.put(Buffer.from('precious')).then(
            () => 'stored',
            (error: { code: string }) => error.code,
          );
          expect(await put).toBe(outcome);
        },
      );
    }
  });

  it('asks for nothing more when the server announces too large an object', async () => {
    let sent = 0;
    await withServer(
      (_, response) => {
        response.writeHead(200, { 'content-length': String(2 ** 32) });
        response.on('close', () => (sent = response.socket?.bytesWritten ?? 0));
        response.write(Buffer.alloc(1000));
      },
      async (store) => {
        const digest = digestOf(new Uint8Array());
        await expect(store.get(digest, { maxBytes: 100 })).rejects.toMatchObject({ code: 'exhausted' });
      },
    );
    expect(sent).toBeLessThan(10_000);
  });

  it('completes nothing, and leaves no parts, when the file changes while it is sent', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rondo-s3-'));
    const path = join(folder, 'large.bin');
    // Larger than all that is read ahead of the first answer: four parts and the stream's own buffer.
    await writeFile(path, '');
    await truncate(path, 80_000_000);
    const seen: string[] = [];
    try {
      await withServer(
        async (request, response) => {
          const begin = new URL(request.url!, 'http://server').searchParams.has('uploads');
          if (begin) await changeByte(path, 79_999_999);
          seen.push(begin ? 'begin' : request.method!);
          request.resume().on('end', () => response.setHeader('etag', '"1"').end(begin ? UPLOAD : ''));
        },
        (store) => expect(store.putFile(path)).rejects.toMatchObject({ name: 'TransientError' }),
      );
      expect(seen.filter((step) => step === 'begin')).toHaveLength(1);
      expect(seen).not.toContain('POST');
      expect(seen).toContain('DELETE');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }, 120_000);

  it('is transient when the connection breaks in the middle of an object', async () => {
    await withServer(
      (_, response) => {
        response.writeHead(200, { 'content-length': '1000' });
        response.write(Buffer.alloc(500), () => response.destroy());
      },
      async (store) => {
        await expect(store.get(digestOf(new Uint8Array()))).rejects.toMatchObject({ name: 'TransientError' });
      },
    );
  });
});

const UPLOAD = '<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>';

async function changeByte(path: string, position: number): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(new Uint8Array([1]), 0, 1, position);
  await file.close();
}

async function withServer(
  answer: (request: IncomingMessage, response: ServerResponse) => unknown,
  use: (store: S3ArtifactStore, address: S3Address) => Promise<void>,
): Promise<void> {
  const server: Server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const address: S3Address = { endpoint, region: 'us-east-1', bucket: 'bucket', credentials: KEYS };
  const store = new S3ArtifactStore(address);
  try {
    await use(store, address);
  } finally {
    store.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}
