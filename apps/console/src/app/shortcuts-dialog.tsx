import { Kbd, Modal, Switch } from '@mantine/core';
import type { ReactNode } from 'react';
import { PLACES, setSingleKeys, useSingleKeys } from './shortcuts.js';

const LABEL_KEYS = [
  ['1 … 9', 'Give that label and go on'],
  ['Enter', 'Accept the suggestion (never on blind tasks)'],
  ['s', 'Skip'],
  ['z', 'Back to the last answer, for a new revision'],
  ['r', 'Write a rationale; Esc leaves the field'],
  ['h', 'Earlier answers'],
] as const;

function KeyRow({ keys, what }: { readonly keys: string; readonly what: string }): ReactNode {
  return (
    <tr>
      <td className="rd-keys">
        {keys.split(' ').map((key, index) => (
          <Kbd key={index}>{key}</Kbd>
        ))}
      </td>
      <td>{what}</td>
    </tr>
  );
}

/** The list of keys, and the switch that turns single keys off. */
export function ShortcutsDialog({ onClose }: { readonly onClose: () => void }): ReactNode {
  const on = useSingleKeys();
  return (
    <Modal opened onClose={onClose} title="Keyboard shortcuts" size="md">
      <Switch
        checked={on}
        onChange={(event) => setSingleKeys(event.currentTarget.checked)}
        label="Single-key shortcuts"
        description="Turn them off when you dictate or use a switch device."
        mb="md"
      />
      <table className="rd-table">
        <tbody>
          {PLACES.map(([keys, what]) => (
            <KeyRow key={keys} keys={keys} what={`Go to ${what}`} />
          ))}
          <KeyRow keys="?" what="Show this list" />
          {LABEL_KEYS.map(([keys, what]) => (
            <KeyRow key={keys} keys={keys} what={`Labeling: ${what}`} />
          ))}
        </tbody>
      </table>
      <p className="rd-muted">
        Nothing that changes production has a key of its own: it always asks for your reason first.
      </p>
    </Modal>
  );
}
