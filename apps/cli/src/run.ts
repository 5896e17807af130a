import { messageOf, PermanentError, TransientError, type ErrorCode, type ErrorDetail } from '@rondo/kernel';
import { CommanderError } from 'commander';
import { EXIT, Ended, exitCodeOf } from './exit-codes.js';
import { buildProgram } from './program.js';
import type { Surroundings } from './surroundings.js';
import { plainText } from './words.js';

/** Runs one command line and returns its exit code. Never throws. */
export async function run(args: readonly string[], around: Surroundings): Promise<number> {
  try {
    await buildProgram(around).parseAsync([...args], { from: 'user' });
    return EXIT.done;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    if (!(error instanceof Ended)) report(error, around);
    return exitCodeOf(error);
  }
}

function report(error: unknown, around: Surroundings): void {
  const line = (text: string): void => around.err(`${plainText(text)}\n`);
  line(`error: ${messageOf(error)}`);
  const detail: ErrorDetail = error instanceof PermanentError ? error.detail : {};
  for (const key of ['reason', 'field', 'value', 'rule'] as const) {
    const value = detail[key];
    if (value !== undefined) line(`  ${key.padEnd(6)}  ${String(value)}`);
  }
  const next = nextStep(error);
  if (next !== undefined) line(`next: ${next}`);
}

const STEP_BY_REASON: ReadonlyMap<string, string> = new Map([
  ['ETAG_MISMATCH', 'somebody changed it meanwhile: look again (`rondo get …`), then repeat the command'],
  ['EVIDENCE_CHANGED', 'look at the new evidence (`rondo explain …`), then vote again'],
  ['SELF_APPROVAL', 'somebody else has to approve'],
  ['HOLD_ACTIVE', '`rondo release <pipeline> --reason …` lets cycles start again'],
]);

const STEP_BY_CODE: ReadonlyMap<ErrorCode, string> = new Map([
  [
    'unauthenticated',
    'set RONDO_TOKEN or RONDO_TOKEN_FILE, or run it where Rondo was started (./.rondo/token), with the RONDO_HOME it was started with',
  ],
  ['denied', '`rondo whoami` shows your roles; an admin can give you a token with more'],
  ['not-found', '`rondo get <noun>` lists what there is'],
  ['deadline-exceeded', 'it may still take effect: look before you repeat it'],
]);

/** What most likely helps. */
function nextStep(error: unknown): string | undefined {
  if (error instanceof TransientError)
    return 'is Rondo running there? `rondo config` shows the address; `npm start` starts it here';
  if (!(error instanceof PermanentError)) return undefined;
  return (
    (error.detail.reason === undefined ? undefined : STEP_BY_REASON.get(error.detail.reason)) ??
    STEP_BY_CODE.get(error.code)
  );
}
