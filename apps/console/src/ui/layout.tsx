import type { ReactNode } from 'react';
import { CopyLink } from './copy.js';

interface PageProps {
  readonly title: ReactNode;
  readonly documentTitle: string;
  readonly above?: ReactNode;
  readonly lead?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

/** Page with its heading, what it is about in one line, and its actions. */
export function Page({ title, documentTitle, above, lead, actions, children }: PageProps): ReactNode {
  return (
    <div className="rd-page">
      <title>{`${documentTitle} · Rondo`}</title>
      <header className="rd-page-head">
        <div className="rd-page-words">
          {above !== undefined && <div className="rd-crumbs">{above}</div>}
          <h1>{title}</h1>
          {lead !== undefined && <div className="rd-lead">{lead}</div>}
        </div>
        <div className="rd-actions">
          {actions}
          <CopyLink />
        </div>
      </header>
      {children}
    </div>
  );
}

interface CardProps {
  readonly title: ReactNode;
  readonly note?: ReactNode;
  readonly actions?: ReactNode;
  readonly tone?: 'plain' | 'accent';
  readonly flush?: boolean;
  readonly children: ReactNode;
}

/** One topic with its heading. */
export function Card({ title, note, actions, tone = 'plain', flush = false, children }: CardProps): ReactNode {
  return (
    <section className="rd-card" data-tone={tone} data-flush={flush}>
      <div className="rd-card-head">
        <h2>{title}</h2>
        {note !== undefined && <span className="rd-muted">{note}</span>}
        {actions !== undefined && <div className="rd-actions">{actions}</div>}
      </div>
      <div className="rd-card-body">{children}</div>
    </section>
  );
}

/** Names with their values. */
export function Facts({ items }: { readonly items: readonly (readonly [string, ReactNode])[] }): ReactNode {
  return (
    <dl className="rd-facts">
      {items.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

interface TableProps {
  readonly caption: string;
  readonly head: readonly ReactNode[];
  readonly children: ReactNode;
}

/** Table that scrolls inside itself on narrow screens; the caption names it for screen readers. */
export function Table({ caption, head, children }: TableProps): ReactNode {
  return (
    <div className="rd-scroll" tabIndex={0} role="region" aria-label={caption}>
      <table className="rd-table">
        <caption className="rd-sr">{caption}</caption>
        <thead>
          <tr>
            {head.map((cell, index) => (
              <th key={index} scope="col">
                {cell}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
