import type { Environment } from '@rondo/config';
import type { Clock, Ids } from '@rondo/kernel';

/** Everything the command line touches outside itself, so that specs can run it in process. */
export interface Surroundings {
  readonly env: Environment;
  readonly cwd: string;
  readonly home: string;
  /** Results. */
  readonly out: (text: string) => void;
  /** Everything else. */
  readonly err: (text: string) => void;
  /** True when results go to a terminal. */
  readonly isTerminal: boolean;
  readonly readStdin: () => Promise<string>;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Aborted on Ctrl-C. */
  readonly interrupted: AbortSignal;
}
