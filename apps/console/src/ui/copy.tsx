import { useState, type ReactNode } from 'react';
import { shortId } from '../model/format.js';
import { Icon } from './icons.js';

/** Copies text and says so; what is seen stands first in its name, so that speech control finds it. */
export function CopyButton({
  text,
  label,
  children,
}: {
  readonly text: string;
  readonly label: string;
  readonly children: ReactNode;
}): ReactNode {
  const [state, setState] = useState<'idle' | 'done' | 'refused'>('idle');
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setState('done');
    } catch {
      setState('refused');
    }
    setTimeout(() => setState('idle'), 2000);
  };
  const said = state === 'done' ? 'Copied' : state === 'refused' ? 'The browser refused' : label;
  return (
    <button type="button" className="rd-copy" onClick={() => void copy()} title={said}>
      {children}
      <span className="rd-sr"> {label}</span>
      <Icon name={state === 'done' ? 'check' : 'copy'} size={13} />
      <span role="status" className="rd-sr">
        {state === 'idle' ? '' : said}
      </span>
    </button>
  );
}

/** Id or digest: the beginning is shown, the whole is copied. */
export function Digest({
  value,
  label = 'Copy digest',
}: {
  readonly value: string;
  readonly label?: string;
}): ReactNode {
  if (value === '') return <span className="rd-muted">none</span>;
  return (
    <CopyButton text={value} label={label}>
      <code title={value}>{shortId(value)}</code>
    </CopyButton>
  );
}

/** Copies the address of this page; tab, filter and page are part of it. */
export function CopyLink(): ReactNode {
  return (
    <CopyButton text={window.location.href} label="to this page">
      <span>Copy link</span>
    </CopyButton>
  );
}
