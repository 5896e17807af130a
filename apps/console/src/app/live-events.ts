/** What the server says when something changed. */
export interface LiveEvent {
  readonly topic: string;
  readonly pipeline?: string;
  readonly cycleId?: string;
  readonly kind?: string;
}

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/** Reads one event of the stream; undefined when it is not one of ours. */
export function parseLiveEvent(raw: string, eventName = ''): LiveEvent | undefined {
  try {
    const outer = JSON.parse(raw) as { topic?: unknown; data?: unknown } | null;
    if (typeof outer !== 'object' || outer === null) return undefined;
    const data = (typeof outer.data === 'object' && outer.data !== null ? outer.data : outer) as Record<
      string,
      unknown
    >;
    const [pipeline, cycleId, kind] = [text(data['pipeline']), text(data['cycleId']), text(data['kind'])];
    return {
      topic: text(outer.topic) ?? eventName,
      ...(pipeline !== undefined && { pipeline }),
      ...(cycleId !== undefined && { cycleId }),
      ...(kind !== undefined && { kind }),
    };
  } catch {
    return undefined;
  }
}

const CYCLE = ['cycle', 'cycles', 'pipeline', 'pipelines', 'spans'];
const ENTITIES: readonly (readonly [RegExp, readonly string[]])[] = [
  [/rollout|serving/, ['rollout', 'audit', 'models', ...CYCLE]],
  [/label/, ['campaigns', 'tasks', 'annotators', 'audit', ...CYCLE]],
  [/drift/, ['drift', 'performance', 'forecasts', 'pipeline']],
  [/rondo\.data|batch/, ['batches', 'events', 'audit', ...CYCLE]],
  [/training|evaluation/, CYCLE],
  [/platform/, ['parked', ...CYCLE]],
];
const CONTROL = ['approvals', 'incidents', 'decisions', 'events', 'models', 'audit', 'parked', ...CYCLE];

/** Does the event make this query stale? Scopes that both name must agree; a read without scope always takes part. */
export function concerns(queryKey: readonly unknown[], event: LiveEvent): boolean {
  const [entity, scope] = queryKey as [string, Record<string, unknown> | undefined];
  const entities = ENTITIES.find(([pattern]) => pattern.test(event.topic))?.[1] ?? CONTROL;
  if (!entities.includes(entity)) return false;
  const agrees = (mine: unknown, theirs: string | undefined): boolean =>
    theirs === undefined || typeof mine !== 'string' || mine === '' || mine === theirs;
  return agrees(scope?.['pipeline'], event.pipeline) && agrees(scope?.['cycleId'], event.cycleId);
}
