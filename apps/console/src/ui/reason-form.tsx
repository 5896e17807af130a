import { Button, Modal, Textarea } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { problemOf, type Problem } from '../api/errors.js';
import { notify } from './notify.js';
import { SHORTEST_REASON, type ReasonDialogProps } from './reason-dialog.js';
import { ProblemNote } from './states.js';

/** The state of one opened dialog: the request id stays the same over retries, so a repeated click acts once. */
function useOverride({ opened, act, changedSince, onClose, done }: ReasonDialogProps) {
  const client = useQueryClient();
  const requestId = useRef('');
  const [reason, setReason] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const [changes, setChanges] = useState<readonly string[]>();
  useEffect(() => {
    if (!opened) return;
    requestId.current = crypto.randomUUID();
    setReason('');
    setProblem(undefined);
    setChanges(undefined);
  }, [opened]);
  const submit = async (): Promise<void> => {
    setBusy(true);
    try {
      await act(reason.trim(), requestId.current);
      notify({ tone: 'good', message: done });
      onClose();
      await client.invalidateQueries();
    } catch (error) {
      const named = problemOf(error);
      setProblem(named);
      if (named.kind === 'conflict') {
        // The arguments change with the etag, so the next attempt is another request.
        requestId.current = crypto.randomUUID();
        setChanges(await changedSince?.().catch(() => undefined));
      }
    } finally {
      setBusy(false);
    }
  };
  return { reason, setReason, busy, problem, changes, submit };
}

/** Asks for the reason, says what will happen, and handles refusal and conflict. Every manual override goes through it. */
export function ReasonForm(props: ReasonDialogProps): ReactNode {
  const {
    opened,
    onClose,
    title,
    does,
    confirm,
    danger = false,
    reasonLabel = 'Reason',
    shortest = SHORTEST_REASON,
    extra,
  } = props;
  const { reason, setReason, busy, problem, changes, submit } = useOverride(props);
  const tooShort = reason.trim().length < shortest;
  return (
    <Modal opened={opened} onClose={onClose} title={title} size="lg">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!tooShort && !busy) void submit();
        }}
      >
        <ul className="rd-does">
          {does.map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
        {extra}
        <Textarea
          label={reasonLabel}
          description={`At least ${String(shortest)} characters. It becomes part of the audit.`}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          required
          autosize={false}
          rows={3}
          maxLength={shortest > 10 ? 20_000 : 2000}
          data-autofocus
        />
        {problem !== undefined && <ProblemNote problem={problem} />}
        {changes !== undefined && (
          <div className="rd-changes" role="status">
            <p className="rd-strong">Changed since you loaded the page</p>
            <ul>
              {(changes.length === 0 ? ['Nothing that this page shows; only its version.'] : changes).map((line) => (
                <li key={line}>{line}</li>
              ))}
            </ul>
          </div>
        )}
        <div className="rd-dialog-actions">
          <Button variant="default" onClick={onClose}>
            Keep as it is
          </Button>
          <Button type="submit" color={danger ? 'red' : 'blue'} disabled={tooShort} loading={busy}>
            {changes === undefined ? confirm : `${confirm} anyway`}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
