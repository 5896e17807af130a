import { afterAll, afterEach, beforeAll, beforeEach, expect, it, jest } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { describeInChromium, launch } from './browser.js';
import { FakeServer } from './fake/server.js';
import { NOW } from './fake/values.js';

const TABS = ['timeline', 'data', 'labels', 'training', 'evaluation', 'approval', 'rollout', 'audit'];
const ROUTES = [
  '/',
  '/pipelines',
  '/pipelines/flight-delay',
  '/pipelines/flight-delay?tab=models',
  '/pipelines/flight-delay?tab=document',
  '/pipelines/flight-delay/events',
  ...TABS.map((tab) => `/pipelines/flight-delay/cycles/3?tab=${tab}`),
  '/pipelines/flight-delay/cycles/2',
  '/pipelines/freight-delay/cycles/7',
  '/label',
  '/label/camp-b1',
  '/approvals',
  '/audit',
  '/ops',
  '/nowhere',
];
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

jest.setTimeout(240_000);

describeInChromium('console', () => {
  let server: FakeServer;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  /** Refusals of the content security policy and uncaught errors; every test ends without any. */
  let trouble: string[];

  const open = async (path: string): Promise<void> => {
    await page.goto(server.url + path);
    await settled();
  };
  const settled = async (): Promise<void> => {
    await page.waitForSelector('h1');
    await page.waitForFunction(() => document.querySelector('[aria-busy]') === null);
  };
  const enter = async (options: { width?: number; scheme?: 'light' | 'dark' } = {}): Promise<void> => {
    context = await browser.newContext({
      viewport: { width: options.width ?? 1280, height: 900 },
      colorScheme: options.scheme ?? 'light',
      reducedMotion: 'reduce',
    });
    page = await context.newPage();
    page.setDefaultTimeout(30_000);
    page.on('pageerror', (error) => trouble.push(String(error)));
    page.on(
      'console',
      (message) => /Content Security Policy|violates/.test(message.text()) && trouble.push(message.text()),
    );
    await page.clock.setFixedTime(NOW);
  };
  const violations = (): Promise<string[]> =>
    page.evaluate(async (source) => {
      const scope = globalThis as unknown as {
        axe?: { run(options: object): Promise<{ violations: { id: string; nodes: { target: unknown[] }[] }[] }> };
      };
      if (scope.axe === undefined) (0, eval)(source);
      const { violations: found } = await scope.axe!.run({
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
      });
      return found.map(
        (violation) =>
          `${violation.id}: ${violation.nodes
            .map((node) => node.target.join(' '))
            .slice(0, 3)
            .join(' | ')}`,
      );
    }, AXE);
  /** Presses Tab until the focused control has this name; the keyboard alone must reach it. */
  const tabTo = async (name: RegExp): Promise<void> => {
    for (let presses = 0; presses < 90; presses += 1) {
      await page.keyboard.press('Tab');
      const label = await page.evaluate(() => {
        const element = document.activeElement as HTMLElement | null;
        return (
          element?.getAttribute('aria-label') ??
          (element as HTMLInputElement | null)?.labels?.[0]?.textContent ??
          element?.textContent ??
          ''
        );
      });
      if (name.test(label)) return;
    }
    throw new Error(`Tab never reaches ${String(name)}`);
  };
  const called = (method: string) =>
    server.calls.filter((call) => call.method === method).map((call) => call.request as Record<string, unknown>);

  beforeAll(async () => {
    server = await FakeServer.start();
    browser = await launch();
  });
  afterAll(async () => {
    await browser.close();
    await server.stop();
  });
  beforeEach(() => {
    server.reset();
    trouble = [];
  });
  afterEach(async () => {
    await context.close();
    expect(trouble).toEqual([]);
  });

  it.each(['light', 'dark'] as const)('has no accessibility violation on any route in the %s theme', async (scheme) => {
    await enter({ scheme });
    const found: Record<string, string[]> = {};
    for (const route of ROUTES) {
      await open(route);
      const here = await violations();
      if (here.length > 0) found[route] = here;
    }
    await open('/pipelines/flight-delay/cycles/3?tab=rollout');
    await page.getByRole('button', { name: 'Roll back…' }).click();
    await page.getByRole('dialog').waitFor();
    const inDialog = await violations();
    if (inDialog.length > 0) found['the open dialog'] = inDialog;
    expect(found).toEqual({});
  });

  it('fits 320 px on every route without scrolling sideways', async () => {
    await enter({ width: 320 });
    const wide: string[] = [];
    for (const route of ROUTES) {
      await open(route);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      if (width > 320) wide.push(`${route}: ${String(width)} px`);
    }
    expect(wide).toEqual([]);
  });

  it('links to nothing that does not exist', async () => {
    await enter();
    const seen = new Set<string>();
    for (const route of ROUTES) {
      await open(route);
      for (const href of await page
        .locator('a[href^="/"]')
        .evaluateAll((links) => links.map((link) => link.getAttribute('href') ?? '')))
        seen.add(href);
    }
    const dead: string[] = [];
    for (const href of seen) {
      await open(href);
      if ((await page.locator('h1').first().textContent()) === 'No such page') dead.push(href);
    }
    expect(seen.size).toBeGreaterThan(15);
    expect(dead).toEqual([]);
  });

  it('labels with the keyboard alone', async () => {
    await enter();
    await open('/label/camp-b1');
    const row = (key: string) => page.getByRole('region', { name: `Row ${key}` }).waitFor();
    await row('bag-70412');
    await page.keyboard.press('Enter');
    await row('bag-70413');
    await page.keyboard.press('1');
    await row('bag-70414');
    await page.getByText('suggested').waitFor({ state: 'detached' });
    await page.keyboard.press('Enter');
    await row('bag-70414');
    await page.keyboard.press('r');
    await page.keyboard.type('12 s z');
    await page.keyboard.press('Escape');
    await page.keyboard.press('2');
    await row('bag-70415');
    await page.keyboard.press('1');
    await page.getByText('because it overrules a suggestion that is 94 % sure').waitFor();
    await page.keyboard.press('r');
    await page.keyboard.type('The tag was torn');
    await page.keyboard.press('Escape');
    await page.keyboard.press('1');
    await row('bag-70416');
    await page.keyboard.press('s');
    await row('bag-70417');
    await page.keyboard.press('z');
    await row('bag-70416');
    await page.getByText('becomes revision 2').waitFor();
    await page.keyboard.press('1');
    await row('bag-70417');
    await page.keyboard.press('2');
    await page.getByText('Every row that was yours is done.').waitFor();
    const answers = called('submitAnswer').map(({ taskId, answer, skip, rationale }) => [
      taskId,
      skip === true ? 'skip' : answer,
      rationale,
    ]);
    expect(answers).toEqual([
      ['task-1', 'wrong', ''],
      ['task-2', 'wrong', ''],
      ['task-3', 'right', '12 s z'],
      ['task-4', 'wrong', 'The tag was torn'],
      ['task-5', 'skip', ''],
      ['task-5', 'wrong', ''],
      ['task-6', 'right', ''],
    ]);
  });

  it('shows what gold tasks tell of each annotator, and lets a paused one go on with a reason', async () => {
    await enter();
    await open('/label');
    await page.getByText('5 of 12 gold tasks right').waitFor();
    await page.getByText('7 more before anything is concluded').waitFor();
    await page.getByRole('button', { name: 'Let go on…' }).click();
    await page.getByLabel(/^Reason/).fill('Read the guideline again with Sam');
    await page.getByRole('button', { name: 'Let go on', exact: true }).click();
    await page.getByText('They may go on.').waitFor();
    // The list is read again only after the answer to the command.
    await page.getByText('5 of 12 gold tasks right').waitFor({ state: 'detached' });
    expect(called('resumeAnnotator')).toMatchObject([
      { annotator: 'sam.reyes', reason: 'Read the guideline again with Sam' },
    ]);
  });

  it('closes an incident with a postmortem and what is to be done', async () => {
    await enter();
    await open('/');
    await page.getByRole('button', { name: 'Close…' }).click();
    await page.getByLabel(/^Action items/).fill('Train on a season\n\n Gate by weather ');
    await page.getByLabel(/^Postmortem/).fill('Four stormy weeks misled the challenger.');
    await page.getByRole('button', { name: 'Close incident' }).click();
    await page.getByText('Incident closed.').waitFor();
    expect(called('closeIncident')).toMatchObject([
      {
        incidentId: 'inc-1',
        postmortem: 'Four stormy weeks misled the challenger.',
        actionItems: ['Train on a season', 'Gate by weather'],
      },
    ]);
    await open('/pipelines/flight-delay/cycles/2');
    await page.getByText('To do: Train on a season; Gate by weather.').waitFor();
  });

  it('approves with the keyboard alone, bound to the evidence on the page', async () => {
    await enter();
    await open('/pipelines/freight-delay/cycles/7?tab=approval');
    await tabTo(/^Rationale/);
    await page.keyboard.type('The canary will tell; all other gates pass.');
    await tabTo(/^Approve the rollout/);
    await page.keyboard.press('Enter');
    await page.getByRole('cell', { name: 'erik.lund' }).waitFor();
    expect(called('vote')).toMatchObject([
      {
        approvalId: 'appr-f7',
        approve: true,
        rationale: 'The canary will tell; all other gates pass.',
        boundDigest: server.story.approvals[0]?.boundDigest,
      },
    ]);
  });

  it('rolls back with the keyboard alone, and after a conflict says what changed', async () => {
    await enter();
    await open('/pipelines/flight-delay/cycles/3?tab=rollout');
    await tabTo(/^Roll back…/);
    Object.assign(server.story.rollouts[0]!, { etag: 'roll-etag-2', stepIndex: 3, weightPercent: 50 });
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: /Roll back arrival-delay v3/ }).waitFor();
    await page.keyboard.type('Complaints from the gate agents');
    await tabTo(/^Roll back$/);
    await page.keyboard.press('Enter');
    await page.getByText('Challenger traffic went from 25 % to 50 %.').waitFor();
    await tabTo(/^Roll back anyway$/);
    await page.keyboard.press('Enter');
    await page.getByText('erik.lund: Complaints from the gate agents').first().waitFor();
    const [first, second] = called('rollBack');
    expect(first).toMatchObject({ etag: 'roll-etag-1', reason: 'Complaints from the gate agents' });
    expect(second).toMatchObject({ etag: 'roll-etag-2' });
    expect(first?.['requestId']).not.toBe(second?.['requestId']);
  });

  it('goes places by keys, lists them, and lets them be turned off', async () => {
    await enter();
    await open('/');
    await page.keyboard.press('g');
    await page.keyboard.press('p');
    await page.getByRole('heading', { level: 1, name: 'Pipelines' }).waitFor();
    await page.keyboard.press('Shift+?');
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
    await page.getByLabel('Single-key shortcuts').click();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.keyboard.press('g');
    await page.keyboard.press('a');
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Pipelines');
  });

  it('follows changes as they happen, says when it cannot, and comes back', async () => {
    await enter();
    await open('/pipelines/flight-delay/cycles/3?tab=rollout');
    await page.getByText('Live', { exact: true }).waitFor();
    Object.assign(server.story.rollouts[0]!, { labels: 19_777n });
    server.announce('rondo.rollout.v1', {
      pipeline: 'flight-delay',
      cycleId: server.story.cycles[0]!.cycleId!,
      kind: 'AnalysisMeasured',
    });
    await page.getByText('19,777').first().waitFor();
    server.dropStreams();
    await page.getByText('Live updates stopped').waitFor();
    Object.assign(server.story.rollouts[0]!, { labels: 20_123n });
    server.reset();
    Object.assign(server.story.rollouts[0]!, { labels: 20_123n });
    // On a slow machine it may have come back by itself in between.
    await page
      .getByRole('button', { name: 'Reconnect now' })
      .click({ timeout: 5000 })
      .catch(() => undefined);
    await page.getByText('20,123').first().waitFor();
    await page.getByText('Live updates stopped').waitFor({ state: 'detached' });
  });

  it('asks for the token when the API does not know us, and stays at the address', async () => {
    server.signedOut = true;
    await enter();
    await page.goto(`${server.url}/approvals`);
    await page.getByRole('heading', { name: 'Sign in to Rondo' }).waitFor();
    expect(await violations()).toEqual([]);
    await page.getByLabel('Access token').fill('wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('The server does not know this token.').waitFor();
    await page.getByLabel('Access token').fill('let-me-in');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { level: 1, name: 'Approvals' }).waitFor();
    await page
      .getByRole('link', { name: /see the evidence/ })
      .first()
      .waitFor();
  });

  it('names what failed and keeps the rest of the page', async () => {
    server.broken.add('ListPerformanceEvaluations');
    await enter();
    await open('/pipelines/flight-delay');
    await page.getByText('The server does not answer').waitFor();
    await page.getByText('the control plane is restarting').waitFor();
    await page.getByRole('heading', { name: 'Drift, weighted by importance', exact: true }).waitFor();
  });

  it('shows the reason of a refusal inside the dialog and keeps what was typed', async () => {
    await enter();
    await open('/pipelines/flight-delay');
    await page.getByRole('button', { name: 'Start a cycle…' }).click();
    await page.getByLabel(/^Reason/).fill('New season');
    await page.getByRole('button', { name: 'Start cycle', exact: true }).click();
    await page.getByText('CYCLE_ACTIVE').waitFor();
    expect(await page.getByLabel(/^Reason/).inputValue()).toBe('New season');
  });

  it('shows the slices of a rollout, worst first, with their interval and how many were judged', async () => {
    await enter();
    await open('/pipelines/flight-delay/cycles/3?tab=rollout');
    const table = page.getByRole('region', { name: 'Slices' });
    await table.waitFor();
    const rows = await table.locator('tbody tr').allInnerTexts();
    expect(rows.map((row) => row.split(/\t|\n/)[0])).toEqual(['distance < 250', 'dow = 7']);
    expect(rows[0]).toMatch(/no harm shown/);
    expect(rows[0]).toMatch(/\+0\.0121.*−0\.0079 to \+0\.0321/s);
    await page.getByText('9 of 12 slices judged, 3 have fewer than 500 labels').waitFor();
  });

  it('does not offer what the role does not allow, and says which role does', async () => {
    server.roles = ['viewer'];
    await enter();
    await open('/pipelines/flight-delay/cycles/3?tab=rollout');
    const button = page.getByRole('button', { name: 'Roll back…' });
    await page.waitForFunction(() =>
      [...document.querySelectorAll('button')].some((b) => b.textContent === 'Roll back…' && b.disabled),
    );
    expect(await button.getAttribute('title')).toMatch(/Needs the role operator/);
  });

  it('filters the ledger in the address and rejects a quarantined batch with a reason', async () => {
    await enter();
    await open('/pipelines/flight-delay/events');
    await page.getByLabel('Fate').selectOption('Quarantined');
    await page.waitForURL(/fate=Quarantined/);
    await page.getByText('MISSING_COLUMN').waitFor();
    await page.getByRole('button', { name: 'Reject…' }).click();
    await page.getByLabel(/^Reason/).fill('Wrong unit, a corrected copy follows');
    await page.getByRole('dialog').getByRole('button', { name: 'Reject' }).click();
    await page.getByText(/decided by erik.lund/).waitFor();
    expect(called('rejectBatch')).toMatchObject([
      { batchId: 'batch-w12-bad', etag: 'batch-etag-1', reason: 'Wrong unit, a corrected copy follows' },
    ]);
  });

  it('lists every problem of a document and applies only after a clean check', async () => {
    await enter();
    await open('/pipelines/flight-delay?tab=document');
    const text = page.getByLabel('Changed document (YAML)');
    const document = await text.inputValue();
    expect(document).toContain('afterPromotion: 35d');
    expect(await page.getByRole('button', { name: 'Apply…' }).isDisabled()).toBe(true);
    await text.fill(`${document}\nbogus: 1`);
    await page.getByRole('button', { name: 'Check' }).click();
    await page.getByText('line 12, column 3').waitFor();
    expect(await page.getByRole('button', { name: 'Apply…' }).isDisabled()).toBe(true);
    await text.fill(document.replace('afterPromotion: 35d', 'afterPromotion: 42d'));
    await page.getByRole('button', { name: 'Check' }).click();
    await page.getByRole('cell', { name: '"42d"' }).waitFor();
    await page.getByRole('button', { name: 'Apply…' }).click();
    await page.getByLabel(/^Reason/).fill('Longer season');
    await page.getByRole('button', { name: 'Apply', exact: true }).click();
    await page.getByText('The document was admitted.').waitFor();
    expect(called('applyPipeline')).toMatchObject([{ changeReason: 'Longer season' }]);
  });

  it('says at which level of the life of the pipeline a gate was passed', async () => {
    await enter();
    await open('/pipelines/flight-delay/cycles/3?tab=evaluation');
    await page.getByText('look 9 of the pipeline’s life, at 0.027 % of 5 %; 1.52 % left').waitFor();
  });

  it('tells where a change of the performance comes from', async () => {
    await enter();
    await open('/pipelines/flight-delay');
    await page
      .getByText(/Log loss \+0.0120 \[\+0.0060 to \+0.0180, n = 36,100\]: \+0.0030 .* because other rows came/)
      .waitFor();
    await page.getByText(/found among 131 segments of features, 36,100 rows/).waitFor();
    await page
      .locator('figure', { hasText: 'Where it got worse, by feature' })
      .getByText('o_out_delay')
      .first()
      .waitFor({ state: 'attached' });
  });

  it('shows each forecast with its skill, says which is only advisory, and takes a scheduled cycle off its day', async () => {
    await enter();
    await open('/pipelines/flight-delay');
    await page.getByRole('heading', { name: 'Forecast of log loss' }).waitFor();
    await page.getByText('34 % (12 % to 56 %, n = 4) less error than naive').waitFor();
    await page.getByText('83.3 % (41 % to 97 %, n = 2) inside the interval').waitFor();
    await page.getByText('advisory: the series changed lately').waitFor();
    await page.getByText('ROC AUC: 2 more evaluations of this champion are needed.').waitFor();
    await page.getByRole('button', { name: 'Measured and forecast log loss: show as table' }).click();
    const rows = page.getByRole('region', { name: 'Measured and forecast log loss, as a table' }).locator('tbody tr');
    await rows.nth(17).waitFor();
    expect(await rows.count()).toBe(18);
    expect(await rows.last().textContent()).toContain('(forecast)');

    await open('/pipelines/freight-delay');
    await page.getByRole('button', { name: 'Take it off…' }).click();
    await page.getByLabel(/^Reason/).fill('The plant stands still');
    await page.getByRole('button', { name: 'Take it off', exact: true }).click();
    await page.getByText('No cycle is scheduled any more.').waitFor();
    expect(called('cancelScheduledCycle')).toMatchObject([
      { pipeline: 'freight-delay', reason: 'The plant stands still' },
    ]);
  });

  it('shows no share without how sure it is', async () => {
    await enter();
    await open('/pipelines/flight-delay');
    await page.getByText(/labels cover 98.2 % \(98.1 % to 98.3 %, n = 36,760\)/).waitFor();
    await open('/pipelines/flight-delay/cycles/3?tab=training');
    const reliance = page.locator('figure', { hasText: 'Rise of the validation log loss without a feature' });
    await reliance.getByText('o_out_delay').first().waitFor({ state: 'attached' });
    await open('/pipelines/flight-delay/cycles/3?tab=data');
    const row = page.locator('tr', { has: page.getByText('distance', { exact: true }) });
    await row.getByText('[0.4 % to 0.5 %]').waitFor();
    expect(await row.locator('svg[role="img"]').getAttribute('aria-label')).toMatch(
      /points, to \S+ % \(.*, n = 36,800\)$/,
    );
  });

  it('gives every chart a name, a sentence and its table', async () => {
    await enter();
    await open('/pipelines/flight-delay/cycles/3?tab=evaluation');
    const charts = page.locator('figure');
    await page.getByRole('heading', { name: 'Calibration on the sealed test' }).waitFor();
    await charts.nth(5).waitFor();
    const count = await charts.count();
    expect(count).toBe(6);
    for (let i = 0; i < count; i += 1) {
      const chart = charts.nth(i);
      expect((await chart.locator('svg[role="img"]').getAttribute('aria-label'))?.length).toBeGreaterThan(30);
      await chart.getByRole('button', { name: /show as table/ }).click();
      await chart.locator('tbody tr').first().waitFor();
    }
  });
});
