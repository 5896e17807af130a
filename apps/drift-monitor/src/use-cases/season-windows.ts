import type { Unit } from '@rondo/journal';
import type { Platform } from '@rondo/service';
import { SEASON_WINDOW } from '../documents.js';
import type { FeatureProfile } from '../domain/reference-profile.js';
import {
  nearestInPhase,
  PERIODS_MAX,
  seasonRanges,
  type ProfiledWindow,
  type SeasonRule,
  type SeasonWindow,
  type WindowProfile,
} from '../domain/season.js';

/** Kept batches read at a time. */
const PAGE = 200;
/** More than one batch makes too old. */
const FORGOTTEN_AT_ONCE = 100;

/** Batches that are kept, so that later ones can be compared with their season. */
export class SeasonWindows {
  constructor(private readonly platform: Pick<Platform, 'journal' | 'artifacts'>) {}

  /** Past batches of the season of `atMs`, by feature; a batch that lacked the feature is not among them. */
  async past(
    pipeline: string,
    atMs: number,
    rule: SeasonRule,
  ): Promise<ReadonlyMap<string, readonly ProfiledWindow[]>> {
    const byFeature = new Map<string, ProfiledWindow[]>();
    for (const range of seasonRanges(atMs, rule)) {
      const inside = await this.between(pipeline, range.fromMs, range.toMs);
      for (const window of nearestInPhase(inside, range.middleMs)) {
        const { features } = await this.profileOf(window);
        for (const profile of features) {
          const known = byFeature.get(profile.feature) ?? [];
          known.push({ atMs: window.atMs, profile });
          byFeature.set(profile.feature, known);
        }
      }
    }
    return byFeature;
  }

  /** Puts a batch aside; `keep` remembers it. */
  async put(window: Omit<SeasonWindow, 'digest'>, features: readonly FeatureProfile[]): Promise<SeasonWindow> {
    const profile: WindowProfile = { features };
    const { digest } = await this.platform.artifacts.put(new TextEncoder().encode(JSON.stringify(profile)));
    return { ...window, digest };
  }

  /** Remembers a batch, once however often it is judged, and forgets those too old to be looked back on. */
  async keep(unit: Unit, window: SeasonWindow, { periodMs, withinMs }: SeasonRule): Promise<void> {
    const { pipeline, batchId, atMs } = window;
    const { items } = await unit.list<SeasonWindow>(SEASON_WINDOW, {
      where: { pipeline },
      orderBy: { index: 'atMs', direction: 'asc' },
      limit: FORGOTTEN_AT_ONCE,
    });
    const oldestMs = atMs - PERIODS_MAX * periodMs - withinMs;
    for (const { id, state } of items) if (state.atMs < oldestMs) unit.remove(SEASON_WINDOW, id);
    unit.save<SeasonWindow>({
      kind: SEASON_WINDOW,
      id: `${pipeline}/${batchId}`,
      state: window,
      index: { pipeline, atMs },
    });
  }

  /** Kept batches of a stretch of time, both ends included; little beyond it is read. */
  private async between(pipeline: string, fromMs: number, toMs: number): Promise<SeasonWindow[]> {
    const inside: SeasonWindow[] = [];
    const orderBy = { index: 'atMs', direction: 'asc', from: fromMs } as const;
    let pageToken: string | undefined;
    do {
      const page = await this.platform.journal.list<SeasonWindow>(SEASON_WINDOW, {
        where: { pipeline },
        orderBy,
        limit: PAGE,
        ...(pageToken !== undefined && { pageToken }),
      });
      const windows = page.items.map(({ state }) => state);
      inside.push(...windows.filter(({ atMs }) => atMs <= toMs));
      pageToken = windows.some(({ atMs }) => atMs > toMs) ? undefined : page.nextPageToken;
    } while (pageToken !== undefined);
    return inside;
  }

  private async profileOf({ digest }: SeasonWindow): Promise<WindowProfile> {
    return JSON.parse(new TextDecoder().decode(await this.platform.artifacts.get(digest))) as WindowProfile;
  }
}
