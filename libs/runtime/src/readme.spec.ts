import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
// README example: begin
import { Module } from '@nestjs/common';
import { defineConfig } from '@rondo/config';
import { runService } from '@rondo/runtime';

const greeterConfig = defineConfig({ greeting: { type: 'string', default: 'hello', help: 'What is said.' } });

@Module({})
class GreeterModule {}

export const main = (environment: Record<string, string | undefined>): Promise<void> =>
  runService({ name: 'training', config: greeterConfig, module: () => ({ module: GreeterModule }) }, environment);
// README example: end

describe('the example of the README', () => {
  it('is the code above, which the compiler has seen', () => {
    const own = readFileSync(new URL('readme.spec.ts', import.meta.url), 'utf8');
    const example = /\/\/ README example: begin\n([\s\S]*?)\/\/ README example: end/.exec(own)![1]!;
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    expect(readme).toContain(example.trim());
  });
});
