import { finalState, type FinalState } from './final-state.js';
import { RondoProcess } from './rondo-process.js';

/** What is told, and where. */
export interface ToldStory {
  readonly home: string;
  readonly document: string;
  readonly weeks: number;
  /** Keeps the flights of every n-th minute. */
  readonly sample: number;
}

/**
 * Tells the story undisturbed in one process and reads how it ended.
 * @throws Error with what the program printed when it fails
 */
export async function stateInOneProcess({ home, document, weeks, sample }: ToldStory): Promise<FinalState> {
  const environment = {
    RONDO_QUICKSTART_WEEKS: String(weeks),
    RONDO_QUICKSTART_SAMPLE: String(sample),
    RONDO_QUICKSTART_DOCUMENT: document,
  };
  const story = new RondoProcess({ home, args: ['--once', '--json'], environment });
  if ((await story.exited) !== 0) throw new Error(story.output);
  const after = new RondoProcess({ home, environment: { ...environment, RONDO_QUICKSTART: 'false' } });
  const api = await after.connect();
  try {
    return await finalState(api);
  } finally {
    api.close();
    await after.stop();
  }
}
