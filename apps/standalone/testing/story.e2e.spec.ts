import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Summary } from '../src/quickstart/summary.js';
import { auditOf, finalState, type FinalState } from './final-state.js';
import { whenReached } from './progress.js';
import { RondoProcess } from './rondo-process.js';
import { SMALL_STORY, writeSmallDocument } from './small-story.js';
import { killPlan } from './kill-plan.js';

const ONCE = ['--once', '--json'];
const SEED = Number(process.env['RONDO_TEST_SEED'] ?? '20010101');

jest.setTimeout(600_000);

describe('the quickstart, as a process of its own', () => {
  let folder: string;
  /** Ids derive from where the data lies, so every story is told at the same place. */
  let home: string;
  let environment: Record<string, string>;
  let undisturbed: string;
  let summary: Summary;
  let state: FinalState;
  let entries: number;

  const started: RondoProcess[] = [];
  const start = (args: readonly string[] = [], settings: Record<string, string> = {}): RondoProcess => {
    const rondo = new RondoProcess({ home, args, environment: { ...environment, ...settings } });
    started.push(rondo);
    return rondo;
  };

  /** Everything the API tells about a home whose story is over. */
  const look = async (): Promise<void> => {
    const rondo = start([], { RONDO_QUICKSTART: 'false' });
    const api = await rondo.connect();
    try {
      state = await finalState(api);
      ({ entries } = await auditOf(api));
    } finally {
      api.close();
      await rondo.stop();
    }
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rondo-story-'));
    home = join(folder, 'home');
    undisturbed = join(folder, 'undisturbed');
    await mkdir(join(folder, 'document'));
    environment = {
      RONDO_QUICKSTART_WEEKS: String(SMALL_STORY.weeks),
      RONDO_QUICKSTART_SAMPLE: String(SMALL_STORY.sample),
      RONDO_QUICKSTART_DOCUMENT: await writeSmallDocument(join(folder, 'document')),
    };
    const rondo = start(ONCE);
    const code = await rondo.exited;
    if (code !== 0) throw new Error(`exit ${code}:\n${rondo.output}`);
    summary = JSON.parse(rondo.stdout) as Summary;
    await look();
    await rename(home, undisturbed);
  });

  afterEach(() => Promise.all(started.splice(0).map((rondo) => rondo.kill())));

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('gives every event a fate', () => {
    expect(summary.sound).toBe(true);
    expect(summary.events.length).toBeGreaterThan(20);
    expect(summary.events.filter(({ fate, reason }) => fate === '' || fate === 'Pending' || reason === '')).toEqual([]);
  });

  it('merges an announcement that is repeated twice', () => {
    expect(summary.fates['Merged']).toBe(2);
  });

  it('quarantines the faulty weeks with what is wrong and where', () => {
    const batches = state['batches'] as { uri: string; state: string; findings?: unknown[] }[];
    const quarantined = batches.filter((batch) => batch.state === 'BATCH_STATE_QUARANTINED');
    const finding = (code: string, field: string): unknown => expect.objectContaining({ code, field });
    expect(summary.fates['Quarantined']).toBe(2);
    expect(quarantined.map(({ uri, findings }) => ({ uri: uri.split('/').at(-1), findings }))).toEqual([
      {
        uri: 'flights-2001-02-05.renamed-column.parquet',
        findings: expect.arrayContaining([finding('MISSING_COLUMN', 'delay')]),
      },
      {
        uri: 'flights-2001-02-12.delay-in-seconds.parquet',
        findings: expect.arrayContaining([finding('UNIT_CHANGE', 'delay')]),
      },
    ]);
  });

  it('brings at least one challenger through its rollout', () => {
    expect(summary.cycles.map(({ result }) => result)).toContain('Promoted');
    expect(summary.cycles.some(({ champion, result }) => champion > 0 && result === 'Promoted')).toBe(true);
    expect(summary.champion).toBe(
      Math.max(...summary.cycles.filter(({ result }) => result === 'Promoted').map(({ challenger }) => challenger)),
    );
  });

  it('states every difference with its interval and the number of rows', () => {
    const differences = summary.cycles.flatMap(({ gates }) => gates).flatMap(({ difference }) => difference ?? []);
    expect(differences.length).toBeGreaterThan(2);
    for (const { value, lower, upper, n } of differences) {
      expect(lower).toBeLessThanOrEqual(value);
      expect(upper).toBeGreaterThanOrEqual(value);
      expect(n).toBeGreaterThan(100);
    }
  });

  it('keeps an intact audit chain and parks nothing', () => {
    expect(summary.audit).toMatchObject({ intact: true, entries });
    expect(state['parked']).toEqual({});
  });

  it('ends the same after kill -9 in every phase', async () => {
    const undisturbedState = state;
    const plan = killPlan(SEED);
    for (const point of plan) {
      const rondo = start();
      await whenReached(rondo, point);
      await rondo.kill();
    }
    const rondo = start(ONCE);
    expect(await rondo.exited).toBe(0);
    const after = JSON.parse(rondo.stdout) as Summary;
    await look();
    expect({ plan, state }).toEqual({ plan, state: undisturbedState });
    expect(after.audit.intact).toBe(true);
    expect(new Set(after.cycles.map(({ trigger, asOf }) => `${trigger} ${asOf}`)).size).toBe(after.cycles.length);
  });

  it('adds nothing when it runs again, and refuses a journal of which one byte was altered', async () => {
    await rm(home, { recursive: true, force: true });
    await rename(undisturbed, home);
    const again = start(ONCE);
    expect(await again.exited).toBe(0);
    const { seconds, ...same } = JSON.parse(again.stdout) as Summary;
    expect({ seconds, ...same }).toEqual({ ...summary, seconds });

    alterOneByte(join(home, 'rondo.db'));
    const altered = start(ONCE);
    expect(await altered.exited).toBe(1);
    const broken = JSON.parse(altered.stdout) as Summary;
    expect(broken.audit.intact).toBe(false);
    expect(broken.sound).toBe(false);
  });
});

/** Flips the last bit of the last byte of an entry in the middle of the journal. */
function alterOneByte(path: string): void {
  const database = new DatabaseSync(path);
  const { row, payload } = database
    .prepare(`SELECT row, payload FROM journal_entry WHERE type LIKE '%.DecisionMade' ORDER BY row LIMIT 1`)
    .get() as { row: number; payload: Uint8Array };
  payload[payload.length - 1]! ^= 1;
  database.prepare('UPDATE journal_entry SET payload = ? WHERE row = ?').run(payload, row);
  database.close();
}
