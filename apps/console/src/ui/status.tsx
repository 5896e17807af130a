import type { ReactNode } from 'react';
import type { StatusWord, Tone } from '../model/words.js';
import { Icon, type IconName } from './icons.js';

const ICONS: Record<Tone, IconName> = {
  good: 'check',
  bad: 'cross',
  warn: 'warn',
  info: 'play',
  wait: 'clock',
  quiet: 'minus',
};

/** A state as icon, word and colour, so that none of the three has to carry it alone. */
export function Status({ of, size = 'sm' }: { readonly of: StatusWord; readonly size?: 'sm' | 'lg' }): ReactNode {
  return (
    <span className={`rd-status rd-${of.tone}`} data-size={size}>
      <Icon name={ICONS[of.tone]} size={size === 'lg' ? 15 : 12} />
      {of.word}
    </span>
  );
}
