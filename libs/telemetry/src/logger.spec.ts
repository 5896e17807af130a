import { PermanentError } from '@rondo/kernel';
import { describe, expect, it } from '@jest/globals';
import { createLogger, type LoggerOptions } from './logger.js';

const logger = (options: Partial<LoggerOptions> = {}) => {
  const lines: string[] = [];
  return { lines, log: createLogger({ service: 'svc', now: () => 0, write: (line) => lines.push(line), ...options }) };
};

describe('the logger', () => {
  it('writes one JSON object per line with bound and own fields', () => {
    const { lines, log } = logger();
    log.child({ 'rondo.step': 'train' }).warn('careful\nnow', { 'rondo.rows': 3 });
    expect(lines[0]!.indexOf('\n')).toBe(lines[0]!.length - 1);
    expect(JSON.parse(lines[0]!)).toEqual({
      time: '1970-01-01T00:00:00.000Z',
      level: 'warn',
      message: 'careful\nnow',
      service: 'svc',
      'rondo.step': 'train',
      'rondo.rows': 3,
    });
  });

  it('drops lines below its level', () => {
    const { lines, log } = logger({ level: 'warn' });
    log.debug('a');
    log.info('b');
    log.error('c');
    expect(lines).toHaveLength(1);
  });

  it('walks the chain of causes', () => {
    const { lines, log } = logger();
    log.error('failed', {}, new PermanentError('invalid', 'outer', { cause: new Error('inner') }));
    expect(JSON.parse(lines[0]!).error).toMatchObject({
      type: 'PermanentError',
      code: 'invalid',
      cause: { message: 'inner' },
    });
  });

  it('cuts what is too long', () => {
    const { lines, log } = logger();
    log.info('x'.repeat(100_000));
    expect(lines[0]!.length).toBeLessThan(10_000);
  });

  it('does not let a value forge a line or drive the terminal', () => {
    const { lines, log } = logger({ format: 'pretty' });
    log.error('a\nb', { 'rondo.pipeline.name': '\u001b[2J' }, new Error('c\nd'));
    expect(lines[0]).toBe('00:00:00.000 ERROR svc a\\x0ab pipeline.name=\\x1b[2J Error: c\\x0ad\n');
  });
});
