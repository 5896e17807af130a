import { readFile } from 'node:fs/promises';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterEach, describe, expect, it } from '@jest/globals';
import { parseS3Address } from '@rondo/artifacts';
import { PermanentError, randomIds } from '@rondo/kernel';
import { withFullDisk, withRealServers } from '@rondo/testing';
import { AllowedRoots } from './allowed-roots.js';
import { Locations } from './locations.js';
import { S3Inbox } from './s3-inbox.js';

const nowhere = { endpoint: 'http://127.0.0.1:1', region: 'us-east-1', credentials: 'ambient' } as const;

describe('addresses of announced objects', () => {
  const inbox = new S3Inbox(nowhere, ['s3://landing/flights/', 's3://whole-bucket/']);
  const refusal = (uri: string): unknown => {
    try {
      inbox.check(uri);
      return undefined;
    } catch (error) {
      return error instanceof PermanentError ? error.detail.reason : error;
    }
  };

  it('are objects below an allowed prefix', () => {
    for (const uri of [
      's3://landing/flights/2001/week 1.parquet',
      's3://whole-bucket/a',
      's3://landing/flights/ü=1.csv',
    ])
      expect([uri, refusal(uri)]).toEqual([uri, undefined]);
  });

  it.each([
    ['s3://landing/other/a', 'URI_OUTSIDE_ROOTS'],
    ['s3://landing/flights-of-others/a', 'URI_OUTSIDE_ROOTS'],
    ['s3://landing-2/flights/a', 'URI_OUTSIDE_ROOTS'],
    ['S3://landing/flights/a', 'URI_MALFORMED'],
    ['s3://landing/flights/', 'URI_MALFORMED'],
    ['s3://landing/flights/../secret', 'URI_MALFORMED'],
    ['s3://landing/flights/./a', 'URI_MALFORMED'],
    ['s3://landing/flights//a', 'URI_MALFORMED'],
    ['s3://landing/flights/%2e%2e/a', 'URI_MALFORMED'],
    ['s3://landing/flights/..\\a', 'URI_MALFORMED'],
    ['s3://landing/flights/a?versionId=1', 'URI_MALFORMED'],
    ['s3://landing/flights/a#b', 'URI_MALFORMED'],
    ['s3://landing/flights/a\u0000b', 'URI_MALFORMED'],
    ['s3://landing', 'URI_MALFORMED'],
  ])('are not %s', (uri, reason) => {
    expect(refusal(uri)).toBe(reason);
  });

  it.each(['landing', 's3://landing', 's3://landing/flights', 's3:///flights/', 's3://No/', 'http://landing/'])(
    'have no root such as %s',
    (root) => {
      expect(() => new S3Inbox(nowhere, [root])).toThrow(/cannot be a root for announced objects/);
    },
  );

  it('are refused like any other scheme where no prefix is configured', async () => {
    const files = new Locations(new AllowedRoots(['/data']), undefined);
    await expect(files.check('s3://landing/flights/a')).rejects.toMatchObject({ detail: { reason: 'URI_SCHEME' } });
  });
});

withRealServers(['s3'], ({ s3 }) => {
  describe('announced objects', () => {
    const url = new URL(s3);
    url.hash = '';
    const { bucket, ...server } = parseS3Address(url.href);
    const folder = `arrivals-${randomIds.next()}`;
    const client = new S3Client({
      region: server.region,
      endpoint: server.endpoint!,
      forcePathStyle: true,
      credentials: server.credentials as { accessKeyId: string; secretAccessKey: string },
    });
    const inbox = new S3Inbox(server, [`s3://${bucket}/${folder}/`]);
    const at = (name: string): string => `s3://${bucket}/${folder}/${name}`;
    const put = (name: string, text: string): Promise<unknown> =>
      client.send(new PutObjectCommand({ Bucket: bucket, Key: `${folder}/${name}`, Body: text }));
    const seen: string[] = [];
    afterEach(() => void seen.splice(0));

    it('are lent as a file that is gone afterwards', async () => {
      await put('sub/week.csv', 'a,b\n1,2\n');
      const path = await inbox.withFile(at('sub/week.csv'), 100, async (file) => {
        seen.push(await readFile(file, 'utf8'));
        return file;
      });
      expect(seen).toEqual(['a,b\n1,2\n']);
      expect(path).toMatch(/week\.csv$/);
      await expect(readFile(path)).rejects.toMatchObject({ code: 'ENOENT' });
    });

    it('have a version that changes with what is in them', async () => {
      expect(await inbox.version(at('versioned'))).toBe('missing');
      await put('versioned', 'one');
      const first = await inbox.version(at('versioned'));
      expect(await inbox.version(at('versioned'))).toBe(first);
      await put('versioned', 'two');
      expect(await inbox.version(at('versioned'))).not.toBe(first);
    });

    it('are never lent in part: a disk that fills up is said so, and the next attempt has all of it', async () => {
      const text = 'x'.repeat(2_000_000);
      await put('whole', text);
      const run = () => inbox.withFile(at('whole'), 3_000_000, async (file) => seen.push(await readFile(file, 'utf8')));
      await expect(withFullDisk(1_000_000, run)).rejects.toMatchObject({
        code: 'unavailable',
        message: 'inbox: no space left in the scratch folder',
      });
      await run();
      expect(seen).toEqual([text]);
    });

    it('are refused when they are too large or absent, and nothing is run', async () => {
      await put('large', 'x'.repeat(101));
      const run = (name: string): Promise<unknown> =>
        inbox.withFile(at(name), 100, async () => Promise.resolve(seen.push(name)));
      await expect(run('large')).rejects.toMatchObject({ code: 'exhausted' });
      await expect(run('absent')).rejects.toMatchObject({ code: 'not-found', detail: { reason: 'FILE_MISSING' } });
      expect(seen).toEqual([]);
    });
  });
});
