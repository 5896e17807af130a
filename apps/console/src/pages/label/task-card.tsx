import { Kbd, Textarea } from '@mantine/core';
import type { LabelClass, LabelTask } from '@rondo/contracts';
import { useEffect, useRef, type ReactNode } from 'react';
import { formatPercent } from '../../model/format.js';
import { rowOf, suggestionShown } from '../../model/label-queue.js';
import { Status } from '../../ui/status.js';
import type { Labeling } from './use-labeling.js';

/** Key that gives a class: digits first, then letters that no other action uses. */
export function keyOf(index: number): string {
  return index < 9 ? String(index + 1) : ('abcdefjklmnopqtuvwxy'[index - 9] ?? '');
}

function Answer({
  label,
  index,
  task,
  labeling,
}: {
  readonly label: LabelClass;
  readonly index: number;
  readonly task: LabelTask;
  readonly labeling: Labeling;
}): ReactNode {
  const suggested = suggestionShown(task) && task.suggestion === label.value;
  const last = task.answers.at(-1);
  return (
    <button
      type="button"
      className="rd-answer"
      data-suggested={suggested}
      aria-keyshortcuts={keyOf(index)}
      onClick={() => labeling.answer(label.value)}
    >
      <Kbd>{keyOf(index)}</Kbd>
      {label.title || label.value}
      {suggested && <Kbd>Enter</Kbd>}
      {suggested && <span className="rd-muted">suggested, {formatPercent(task.suggestionConfidence, 0)} sure</span>}
      {!suggested && last?.answer === label.value && <span className="rd-muted">your last answer</span>}
    </button>
  );
}

function Foot({
  labeling,
  toRationale,
  toHistory,
}: {
  readonly labeling: Labeling;
  readonly toRationale: () => void;
  readonly toHistory: () => void;
}): ReactNode {
  return (
    <div className="rd-label-foot">
      <button type="button" aria-keyshortcuts="s" onClick={() => labeling.skip()}>
        <Kbd>s</Kbd> Skip
      </button>
      <button type="button" aria-keyshortcuts="z" onClick={() => labeling.back()} disabled={!labeling.canStepBack}>
        <Kbd>z</Kbd> Back to the last answer
      </button>
      <button type="button" aria-keyshortcuts="r" onClick={toRationale}>
        <Kbd>r</Kbd> Rationale
      </button>
      <button type="button" aria-keyshortcuts="h" onClick={toHistory}>
        <Kbd>h</Kbd> Earlier answers
      </button>
    </div>
  );
}

interface TaskCardProps {
  readonly task: LabelTask;
  readonly question: string;
  readonly classes: readonly LabelClass[];
  readonly labeling: Labeling;
  readonly toHistory: () => void;
}

/** One row and the question about it; the keys stand on the buttons. */
export function TaskCard({ task, question, classes, labeling, toHistory }: TaskCardProps): ReactNode {
  const card = useRef<HTMLElement>(null);
  // A button that was pressed would take the next Enter, so the focus goes to the new row.
  useEffect(() => card.current?.focus({ preventScroll: true }), [task.taskId]);
  const revision = task.answers.length + 1;
  const { unexplained } = labeling;
  const wanted = classes.find((label) => label.value === unexplained?.answer);
  return (
    <section className="rd-label-card" ref={card} tabIndex={-1} aria-label={`Row ${task.rowKey}`}>
      <div className="rd-label-question">{question}</div>
      {task.reviewReason !== '' && <div className="rd-label-reason">Here because: {task.reviewReason}</div>}
      <table className="rd-label-rows">
        <caption className="rd-sr">Columns of the row</caption>
        <tbody>
          {rowOf(task.rowJson).map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <div className="rd-label-answers">
        {classes.map((label, index) => (
          <Answer key={label.value} label={label} index={index} task={task} labeling={labeling} />
        ))}
      </div>
      <div className="rd-label-rationale">
        <p className="rd-row">
          {task.blind && task.answers.length === 0 && (
            <Status of={{ tone: 'info', word: 'blind: your own judgement first' }} />
          )}
          {revision > 1 && <Status of={{ tone: 'wait', word: `becomes revision ${String(revision)}` }} />}
          {!task.blind && task.suggestion === '' && (
            <span className="rd-muted">No suggestion: there is no model that is sure enough.</span>
          )}
        </p>
        {unexplained !== undefined && (
          <p role="alert">
            Say why in the rationale (<Kbd>r</Kbd>), because {unexplained.why}; then{' '}
            {wanted === undefined ? 'skip again' : <>give “{wanted.title || wanted.value}” again</>}.
          </p>
        )}
        <Textarea
          id="rationale"
          label={unexplained === undefined ? 'Rationale (optional)' : 'Rationale'}
          rows={2}
          maxLength={4000}
          value={labeling.rationale}
          onChange={(event) => labeling.setRationale(event.currentTarget.value)}
        />
      </div>
      <Foot
        labeling={labeling}
        toRationale={() => document.getElementById('rationale')?.focus()}
        toHistory={toHistory}
      />
    </section>
  );
}
