import type { Cause, Journal, Once, Unit } from '@rondo/journal';

type Save = Parameters<Unit['save']>[0];

/** The journal as it is, but for how it carries out units of work. */
export function journalOver(
  inner: Journal,
  once: <T>(cause: Cause, work: (unit: Unit) => Promise<T> | T) => Promise<Once<T>>,
): Journal {
  return {
    once,
    load: (kind, id) => inner.load(kind, id),
    list: (kind, query) => inner.list(kind, query),
    count: (kind, where) => inner.count(kind, where),
    history: (kind, id) => inner.history(kind, id),
    entries: (query) => inner.entries(query),
    verify: () => inner.verify(),
  };
}

/** The unit as it is, but what it saves goes through `change` first. */
export function unitWith(unit: Unit, change: (request: Save) => Save | undefined): Unit {
  return {
    load: (kind, id) => unit.load(kind, id),
    list: (kind, query) => unit.list(kind, query),
    save: (request) => {
      const changed = change(request);
      if (changed) unit.save(changed);
    },
    remove: (kind, id) => unit.remove(kind, id),
    schedule: (timer) => unit.schedule(timer),
    cancelTimer: (id) => unit.cancelTimer(id),
  };
}
