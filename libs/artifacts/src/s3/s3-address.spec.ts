import { describe, expect, it } from '@jest/globals';
import { parseS3Address } from './s3-address.js';

describe('parseS3Address', () => {
  it('reads endpoint, bucket, region and percent-encoded keys', () => {
    expect(parseS3Address('https://k%2Fey:s%3Aecret@store.example:9000/models?region=eu-west-1')).toEqual({
      endpoint: 'https://store.example:9000',
      region: 'eu-west-1',
      bucket: 'models',
      credentials: { accessKeyId: 'k/ey', secretAccessKey: 's:ecret' },
    });
  });

  it('leaves finding keys to the SDK only when the address has none', () => {
    expect(parseS3Address('http://localhost:1/models')).toMatchObject({ credentials: 'ambient', region: 'us-east-1' });
  });

  it.each([
    ['', 'endpoint'],
    ['ftp://key:hidden@host/models', 'endpoint'],
    ['http://key:hidden@host', 'bucket'],
    ['http://key:hidden@host/a/b', 'bucket'],
    ['http://key:hidden@host/UPPER', 'bucket'],
    ['http://key:hidden@host/models?prefix=x', 'prefix'],
    ['http://:hidden@host/models', 'credentials'],
    ['http://key@host/models', 'credentials'],
    ['http://key:hid%ZZden@host/models', 'credentials'],
  ])('refuses %j because of its %s, without repeating the secret', (text, field) => {
    let failure: unknown;
    try {
      parseS3Address(text);
    } catch (error) {
      failure = error;
    }
    expect(failure).toMatchObject({ code: 'invalid', detail: { field } });
    expect(JSON.stringify([(failure as Error).message, (failure as { detail: object }).detail])).not.toMatch(/hid/);
  });
});
