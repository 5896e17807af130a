import type { Readable } from 'node:stream';

/**
 * Calls `onLine` for every line of a stream. A line above the limit is dropped whole, so that a program that prints without
 * end and without line breaks costs no memory.
 */
export function readLines(stream: Readable, charactersMax: number, onLine: (line: string) => void): void {
  let rest = '';
  let dropping = false;
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = text.split('\n');
    for (const [index, part] of lines.entries()) {
      const complete = index < lines.length - 1;
      rest = dropping || rest.length + part.length > charactersMax ? '' : rest + part;
      dropping ||= rest === '' && part !== '';
      if (!complete) continue;
      if (!dropping && rest !== '') onLine(rest);
      rest = '';
      dropping = false;
    }
  });
}
