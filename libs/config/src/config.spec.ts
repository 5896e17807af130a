import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConfigError, configTable, defineConfig, explainConfig, parseConfig, unknownVariables } from './index.js';

const schema = defineConfig({
  httpPort: { type: 'int', default: '4700', min: 0, max: 65535, help: 'Port of the front door.' },
  leaseMs: { type: 'duration', default: '5s', min: 100, help: 'Lease.' },
  bodyBytes: { type: 'bytes', default: '4MiB', help: 'Largest body.' },
  logLevel: { type: 'enum', values: ['debug', 'info'], default: 'info', help: 'Chattiness | detail.' },
  trusted: { type: 'boolean', default: 'false', help: 'Trust.' },
  hosts: { type: 'list', default: '', help: 'Host names.' },
  password: { type: 'string', secret: true, min: 3, help: 'Password of the store.' },
  ratio: { type: 'number', default: '0.5', min: 0, max: 1, help: 'Share.' },
  otlpEndpoint: { type: 'string', optional: true, env: 'OTEL_EXPORTER_OTLP_ENDPOINT', help: 'Collector.' },
});

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('configuration', () => {
  it('becomes one typed, frozen value', () => {
    const config = parseConfig(schema, {
      RONDO_HTTP_PORT: '0',
      RONDO_LEASE_MS: '2m',
      RONDO_LOG_LEVEL: 'debug',
      RONDO_HOSTS: 'a, b,',
      RONDO_PASSWORD: 'hunter2',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c',
    });
    const level: 'debug' | 'info' = config.logLevel;
    expect({ ...config, level, password: config.password.reveal() }).toEqual({
      httpPort: 0,
      leaseMs: 120_000,
      bodyBytes: 4_194_304,
      logLevel: 'debug',
      level: 'debug',
      trusted: false,
      hosts: ['a', 'b'],
      password: 'hunter2',
      ratio: 0.5,
      otlpEndpoint: 'http://c',
    });
    expect(() => Object.assign(config, { httpPort: 1 })).toThrow(TypeError);
  });

  it('reports every problem at once and never quotes a secret', () => {
    const parse = () =>
      parseConfig(schema, {
        RONDO_HTTP_PORT: '70000',
        RONDO_LEASE_MS: 'soon',
        RONDO_BODY_BYTES: '1 MB',
        RONDO_LOG_LEVEL: 'loud',
        RONDO_TRUSTED: 'yes',
        RONDO_RATIO: 'NaN',
        RONDO_PASSWORD: 'xy',
      });
    expect(parse).toThrow(ConfigError);
    const message = (() => {
      try {
        return String(parse());
      } catch (error) {
        return (error as Error).message;
      }
    })();
    expect(message).toContain('has 7 problems');
    expect(message).toContain('RONDO_HTTP_PORT: 70000 is above the most, 65535');
    expect(message).toContain('RONDO_LEASE_MS: "soon" is not a duration');
    expect(message).toContain('RONDO_LOG_LEVEL: "loud" is none of debug, info');
    expect(message).toContain('RONDO_PASSWORD: 2 characters is below the least, 3');
    expect(message).not.toContain('xy');
  });

  it('reads a value from the file a *_FILE variable names', () => {
    const path = join(folder, 'password');
    writeFileSync(path, 'from file\n');
    expect(parseConfig(schema, { RONDO_PASSWORD_FILE: path }).password.reveal()).toBe('from file');
    expect(() => parseConfig(schema, { RONDO_PASSWORD_FILE: join(folder, 'none') })).toThrow('cannot be read');
    expect(() => parseConfig(schema, { RONDO_PASSWORD_FILE: path, RONDO_PASSWORD: 'abc' })).toThrow('is set twice');
    writeFileSync(path, 'x'.repeat(70_000));
    expect(() => parseConfig(schema, { RONDO_PASSWORD_FILE: path })).toThrow('larger than 65536 bytes');
  });

  it('prints secrets as ***', () => {
    const config = parseConfig(schema, { RONDO_PASSWORD: 'hunter2' });
    expect(`${config.password} ${JSON.stringify(config)} ${inspect(config)}`).not.toContain('hunter2');
    expect(explainConfig(schema, { RONDO_PASSWORD: 'hunter2' }).find((setting) => setting.key === 'password')).toEqual({
      key: 'password',
      variable: 'RONDO_PASSWORD',
      source: 'environment',
      shown: '***',
    });
  });

  it('requires what has neither default nor permission to be absent', () => {
    expect(() => parseConfig(schema, {})).toThrow('RONDO_PASSWORD: is required: Password of the store.');
  });

  it('names variables that no schema knows', () => {
    const env = { RONDO_HTTP_PROT: '1', RONDO_PASSWORD_FILE: 'x', RONDO_HTTP_PORT: '1', HOME: '/' };
    expect(unknownVariables([schema], env)).toEqual(['RONDO_HTTP_PROT']);
  });

  it('refuses a schema that breaks its own rules', () => {
    expect(() => defineConfig({ lease: { type: 'duration', help: '' } })).toThrow('ends in Ms');
    expect(() => defineConfig({ port: { type: 'int', default: 'x', help: '' } })).toThrow(
      'its default "x" is not a whole number',
    );
    expect(() => defineConfig({ token: { type: 'string', secret: true, default: 'x', help: '' } })).toThrow(
      'without default',
    );
  });

  it('documents itself as a table', () => {
    const table = configTable(schema);
    expect(table).toContain('| `RONDO_HTTP_PORT` | int | `4700` | 0 … 65535 | Port of the front door. |');
    expect(table).toContain('| `RONDO_PASSWORD` | secret | **required** | ≥ 3 | Password of the store. |');
    expect(table).toContain('Chattiness \\| detail.');
    expect(table).toContain('| `OTEL_EXPORTER_OTLP_ENDPOINT` | string | – |');
  });
});
