import type { DescMessage } from '@bufbuild/protobuf';
import { topicOf } from '@rondo/contracts';
import type { Bus, Subscription } from '@rondo/messaging';
import { tell } from './quickstart/narrator.js';
import type { Summary } from './quickstart/summary.js';

const BOLD = '\u001b[1m';
const DIM = '\u001b[2m';
const RESET = '\u001b[0m';

/** What a person sees while the process runs. */
export class Terminal {
  constructor(
    private readonly out: NodeJS.WritableStream,
    private readonly startedMs: number,
    private readonly colours: boolean,
  ) {}

  addresses(where: {
    readonly signIn: string;
    readonly grpc: string;
    readonly gateway: string;
    readonly home: string;
    readonly command: string;
  }): void {
    this.write(
      `\n  Rondo is up. Open the console (the link signs you in, once):\n\n    ${this.strong(where.signIn)}\n`,
    );
    this.write(`  gRPC ${where.grpc}   inference ${where.gateway}   data and log in ${where.home}`);
    this.write(`  The command line finds its token by itself: ${where.command}\n`);
  }

  story(text: string, strong: boolean): void {
    const seconds = ((performance.now() - this.startedMs) / 1000).toFixed(1).padStart(6);
    this.write(`${this.dim(`${seconds} s`)}  ${strong ? this.strong(text) : text}`);
  }

  storyEnds(summary: Summary): void {
    const fates = Object.entries(summary.fates).map(([fate, count]) => `${fate.toLowerCase()} ${count}`);
    this.write(
      `\n  The replay is over: ${summary.events.length} events (${fates.join(', ')}), ${summary.cycles.length} cycles, champion v${summary.champion}, `,
    );
    this.write(
      `  audit chain ${summary.audit.intact ? 'verifies' : `BROKEN: ${summary.audit.explanation}`}. Rondo stays up; Ctrl-C ends it, npm start goes on, npm start -- --fresh starts over.\n`,
    );
  }

  private strong(text: string): string {
    return this.colours ? `${BOLD}${text}${RESET}` : text;
  }

  private dim(text: string): string {
    return this.colours ? `${DIM}${text}${RESET}` : text;
  }

  private write(line: string): void {
    this.out.write(`${line}\n`);
  }
}

/** Prints the story as its messages appear on the bus. */
export function followStory(bus: Bus, schemas: readonly DescMessage[], terminal: Terminal): Promise<Subscription> {
  const types = new Set(schemas.map((schema) => schema.typeName));
  return bus.subscribe({
    group: 'terminal',
    topics: [...new Set(schemas.map(topicOf))],
    wants: (type) => types.has(type),
    handle: (delivery) => {
      const line = tell(delivery.type, delivery.payload);
      if (line) terminal.story(line.text, line.strong);
      return Promise.resolve();
    },
  });
}
