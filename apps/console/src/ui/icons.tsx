import type { ReactNode } from 'react';

const PATHS = {
  check: 'M3 8.5 6.5 12 13 4.5',
  cross: 'M4 4l8 8M12 4l-8 8',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  clock: 'M8 4.5V8l2.5 2M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0Z',
  minus: 'M3.5 8h9',
  warn: 'M8 2.2 14.4 13.5H1.6ZM8 6.5v3M8 11.4v.2',
  play: 'M5 3.5v9l7-4.5Z',
  back: 'M6.5 3.5 3 7l3.5 3.5M3 7h6.5a3.5 3.5 0 0 1 0 7H8',
  copy: 'M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8Z',
  sun: 'M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6ZM8 1v1.6M8 13.4V15M1 8h1.6M13.4 8H15M3 3l1.2 1.2M11.8 11.8 13 13M13 3l-1.2 1.2M4.2 11.8 3 13',
  moon: 'M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7Z',
  keyboard: 'M1.5 4.5h13v7h-13ZM4 7h.2M6.6 7h.2M9.2 7h.2M11.8 7h.2M5 9.5h6',
  inbox: 'M2 9.5 4 3.5h8l2 6v3H2ZM2 9.5h3.5l1 1.5h3l1-1.5H14',
  loop: 'M12.5 5.2A5.5 5.5 0 1 0 13.5 8M13.4 2v3.6H9.8',
  tag: 'M2.5 2.5h5l6 6-5 5-6-6ZM5.3 5.3h.2',
  stamp: 'M3 13.5h10M4 11h8V9.5H9.5V6a2 2 0 1 0-3 0v3.5H4Z',
  list: 'M5.5 4h8M5.5 8h8M5.5 12h8M2.5 4h.2M2.5 8h.2M2.5 12h.2',
  gauge: 'M2.5 12a6 6 0 1 1 11 0M8 10l2.5-3.5',
  arrow: 'M3 8h10M9 4l4 4-4 4',
} as const;

/** Name of an icon of the set. */
export type IconName = keyof typeof PATHS;

/** Line icon of 16 units in the text's colour; decoration only, the word beside it carries the meaning. */
export function Icon({ name, size = 16 }: { readonly name: IconName; readonly size?: number }): ReactNode {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      className="rd-icon"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
