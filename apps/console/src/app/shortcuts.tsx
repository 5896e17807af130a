import { useNavigate } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useState, type ReactNode } from 'react';
import { tinykeys } from 'tinykeys';

const STORAGE_KEY = 'rondo-single-keys';

/** Are single-key shortcuts on? People who speak to their computer turn them off (WCAG 2.1.4). */
export function singleKeysOn(): boolean {
  try {
    return localStorage.getItem(STORAGE_KEY) !== 'off';
  } catch {
    return true;
  }
}

/** Turns single-key shortcuts on or off and remembers it. */
export function setSingleKeys(on: boolean): void {
  try {
    localStorage.setItem(STORAGE_KEY, on ? 'on' : 'off');
  } catch {
    // Storage is off: the setting lasts as long as the page.
  }
  window.dispatchEvent(new Event('rondo-single-keys'));
}

/** True while the setting is on; follows the switch. */
export function useSingleKeys(): boolean {
  const [on, setOn] = useState(singleKeysOn);
  useEffect(() => {
    const update = (): void => setOn(singleKeysOn());
    window.addEventListener('rondo-single-keys', update);
    return () => window.removeEventListener('rondo-single-keys', update);
  }, []);
  return on;
}

/** Is a dialog open? Then page keys rest. */
export function dialogOpen(): boolean {
  return document.querySelector('[role="dialog"]') !== null;
}

/** Binds keys while mounted; they rest in text fields, in dialogs and when single keys are off. */
export function useKeys(bindings: Record<string, () => void>, deps: readonly unknown[]): void {
  const on = useSingleKeys();
  useEffect(() => {
    if (!on) return undefined;
    const guarded = Object.fromEntries(
      Object.entries(bindings).map(([keys, act]) => [
        keys,
        (event: KeyboardEvent) => {
          if (dialogOpen() || event.repeat) return;
          // Enter on a button or link belongs to that button or link.
          if (
            keys === 'Enter' &&
            event.target instanceof Element &&
            event.target.closest('a, button, summary') !== null
          )
            return;
          event.preventDefault();
          act();
        },
      ]),
    );
    return tinykeys(window, guarded);
    // The caller names what its actions read.
  }, [on, ...deps]);
}

/** Where `g` and a letter lead. */
export const PLACES = [
  ['g i', 'Inbox', '/'],
  ['g p', 'Pipelines', '/pipelines'],
  ['g l', 'Label', '/label'],
  ['g a', 'Approvals', '/approvals'],
  ['g u', 'Audit', '/audit'],
  ['g o', 'Operations', '/ops'],
] as const;

const Dialog = lazy(async () => ({ default: (await import('./shortcuts-dialog.js')).ShortcutsDialog }));

/** `g` then a letter goes places, `?` shows the list. No single key changes production. */
export function Shortcuts({
  opened,
  setOpened,
}: {
  readonly opened: boolean;
  readonly setOpened: (open: boolean) => void;
}): ReactNode {
  const navigate = useNavigate();
  useKeys(
    {
      ...Object.fromEntries(PLACES.map(([keys, , to]) => [keys, () => void navigate({ to })])),
      'Shift+?': () => setOpened(true),
    },
    [navigate, setOpened],
  );
  if (!opened) return null;
  return (
    <Suspense>
      <Dialog onClose={() => setOpened(false)} />
    </Suspense>
  );
}
