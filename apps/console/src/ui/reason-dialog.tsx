import { lazy, Suspense, useRef, type ReactNode } from 'react';

/** Shortest reason the server takes. */
export const SHORTEST_REASON = 5;

/** What a dialog that asks for a reason says and does. */
export interface ReasonDialogProps {
  readonly opened: boolean;
  readonly onClose: () => void;
  readonly title: string;
  /** What pressing the button does, line by line, and what it does not. */
  readonly does: readonly string[];
  readonly confirm: string;
  readonly danger?: boolean;
  readonly reasonLabel?: string;
  readonly shortest?: number;
  readonly extra?: ReactNode;
  /** What is different now; shown after a conflict, with an offer to act on the present state. */
  readonly changedSince?: () => Promise<readonly string[]>;
  readonly act: (reason: string, requestId: string) => Promise<unknown>;
  readonly done: string;
}

const ReasonForm = lazy(async () => ({ default: (await import('./reason-form.js')).ReasonForm }));

/** Asks for the reason of a manual override; its code loads when one is opened for the first time. */
export function ReasonDialog(props: ReasonDialogProps): ReactNode {
  const everOpened = useRef(false);
  everOpened.current ||= props.opened;
  if (!everOpened.current) return null;
  return (
    <Suspense>
      <ReasonForm {...props} />
    </Suspense>
  );
}
