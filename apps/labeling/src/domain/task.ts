import { PermanentError, type Json } from '@rondo/kernel';

/** The champion's opinion about a row. */
export interface Suggestion {
  readonly answer: string;
  /** Probability the champion gives to its answer, 0.5 to 1. */
  readonly confidence: number;
}

/** One answer as it was given; superseded by a later one of the same annotator, or set aside, but never changed. */
export interface AnswerState {
  /** Rises by one with each answer to the task, from 1. */
  readonly revision: number;
  readonly annotator: string;
  /** Value of a class; empty when skipped. */
  readonly answer: string;
  readonly skipped: boolean;
  readonly rationale: string;
  readonly suggestionShown: boolean;
  readonly atMs: number;
  readonly tookMs: number;
  /** Its annotator was paused in this campaign: the answer stays in the record and counts no more. */
  readonly setAside?: true;
}

/** A row that people are asked about. */
export interface TaskState {
  readonly pipeline: string;
  readonly campaignId: string;
  readonly taskId: string;
  readonly rowKey: string;
  /** What people see of the row, in the order of the columns. */
  readonly row: Json;
  readonly reviewReason: string;
  /** 0 is asked first. */
  readonly rank: number;
  /** 1 minus the gap between the class probabilities: 1 when the champion cannot tell. */
  readonly uncertainty: number;
  /** Drawn at random from all doubtful rows, whatever the champion thinks of it. */
  readonly drawn: boolean;
  readonly suggestion?: Suggestion;
  /** The suggestion stays hidden from an annotator until they have answered. */
  readonly blind: boolean;
  /** The known answer of a gold task: everybody may be asked it, and nobody's answer is a label. */
  readonly gold?: string;
  readonly answers: readonly AnswerState[];
  readonly lease?: { readonly annotator: string; readonly untilMs: number };
}

/** What an answer must fit. */
export interface AnswerRules {
  /** Values of the campaign's classes. */
  readonly classes: readonly string[];
  readonly annotatorsPerTask: number;
}

/** What an annotator hands in. */
export interface AnswerRequest {
  readonly annotator: string;
  readonly answer: string;
  readonly skip: boolean;
  readonly rationale: string;
  readonly tookMs: number;
}

/** A suggestion this sure must not be overruled without saying why. */
export const SURE_CONFIDENCE = 0.9;
const RATIONALE_LENGTH_MIN = 5;

/** The valid answer of each annotator: their latest, unless it was set aside. */
export function validAnswers(task: TaskState): AnswerState[] {
  const counting = task.answers.filter((answer) => !answer.setAside);
  return [...new Map(counting.map((answer) => [answer.annotator, answer])).values()];
}

/** The task when what the annotator answered counts no more; a gold task stays as it is, for its answers are no labels. */
export function withAnswersSetAside(task: TaskState, annotator: string): TaskState {
  if (task.gold !== undefined || !task.answers.some((answer) => answer.annotator === annotator)) return task;
  const answers = task.answers.map((answer) =>
    answer.annotator === annotator ? { ...answer, setAside: true as const } : answer,
  );
  return { ...task, answers };
}

/** Enough people have answered or skipped; of a gold task there are never enough. */
export function isDone(task: TaskState, annotatorsPerTask: number): boolean {
  return task.gold === undefined && validAnswers(task).length >= annotatorsPerTask;
}

/** `Open`, `Leased`, `Answered` or `Skipped`. */
export function stateOf(task: TaskState, annotatorsPerTask: number, nowMs: number): string {
  if (isDone(task, annotatorsPerTask))
    return validAnswers(task).every((answer) => answer.skipped) ? 'Skipped' : 'Answered';
  return task.lease && task.lease.untilMs > nowMs ? 'Leased' : 'Open';
}

/** Whether the annotator may be given the task now: it needs answers, not theirs again, and nobody else holds it. */
export function canLease(task: TaskState, annotator: string, annotatorsPerTask: number, nowMs: number): boolean {
  if (isDone(task, annotatorsPerTask)) return false;
  if (task.answers.some((answer) => answer.annotator === annotator && !answer.setAside)) return false;
  return !heldByOther(task, annotator, nowMs);
}

function heldByOther(task: TaskState, annotator: string, nowMs: number): boolean {
  return task.lease !== undefined && task.lease.annotator !== annotator && task.lease.untilMs > nowMs;
}

/** Whether the annotator sees the suggestion. */
export function showsSuggestion(task: TaskState, annotator: string): boolean {
  return (
    task.suggestion !== undefined && (!task.blind || task.answers.some((answer) => answer.annotator === annotator))
  );
}

/** The task without its known answer. */
export function ungilded({ gold: _known, ...task }: TaskState): TaskState {
  return task;
}

/** A gold task as its annotator would see any other: with no more answers than that would have; other tasks as they are. */
export function asAnyOther(stored: TaskState, annotator: string, annotatorsPerTask: number): TaskState {
  const task = ungilded(stored);
  if (stored.gold === undefined) return task;
  const people = [...new Set(task.answers.map((answer) => answer.annotator))];
  const others = people.filter((person) => person !== annotator).slice(0, annotatorsPerTask - 1);
  const shown = people.includes(annotator) ? [annotator, ...others] : [];
  return { ...task, answers: task.answers.filter((answer) => shown.includes(answer.annotator)) };
}

/**
 * Adds an answer, which supersedes an earlier one of the same annotator, and ends their lease.
 * @throws PermanentError `invalid` for an unknown class or a missing rationale, `failed-precondition` when somebody else
 * holds the task (TASK_LEASED) or enough others have answered (TASK_CLOSED)
 */
export function answerTask(task: TaskState, request: AnswerRequest, rules: AnswerRules, nowMs: number): TaskState {
  const { annotator, answer, skip } = request;
  const before = validAnswers(task).find((own) => own.annotator === annotator);
  if (heldByOther(task, annotator, nowMs)) {
    throw new PermanentError(
      'failed-precondition',
      `task ${task.taskId} is with ${task.lease?.annotator} at the moment`,
      {
        field: 'task_id',
        value: task.taskId,
        rule: 'one annotator at a time',
        reason: 'TASK_LEASED',
      },
    );
  }
  if (!before && isDone(task, rules.annotatorsPerTask)) {
    throw new PermanentError('failed-precondition', `task ${task.taskId} has all the answers it needs`, {
      field: 'task_id',
      value: task.taskId,
      rule: `answers of ${rules.annotatorsPerTask} annotators`,
      reason: 'TASK_CLOSED',
    });
  }
  checkAnswer(request, rules);
  const suggestionShown = showsSuggestion(task, annotator);
  const rationale = request.rationale.trim();
  checkRationale(task, request, { rationale, suggestionShown, before });
  const { lease: _ended, ...rest } = task;
  const added: AnswerState = {
    revision: task.answers.length + 1,
    annotator,
    answer: skip ? '' : answer,
    skipped: skip,
    rationale,
    suggestionShown,
    atMs: nowMs,
    tookMs: request.tookMs,
  };
  return { ...rest, answers: [...task.answers, added] };
}

function checkAnswer({ answer, skip }: AnswerRequest, { classes }: AnswerRules): void {
  if (skip ? answer === '' : classes.includes(answer)) return;
  const rule = skip ? 'empty when skipped' : `one of ${classes.join(', ')}`;
  throw new PermanentError('invalid', `answer: "${answer}" must be ${rule}`, { field: 'answer', value: answer, rule });
}

function checkRationale(
  task: TaskState,
  { answer, skip }: AnswerRequest,
  {
    rationale,
    suggestionShown,
    before,
  }: { rationale: string; suggestionShown: boolean; before: AnswerState | undefined },
): void {
  if (rationale.length >= RATIONALE_LENGTH_MIN) return;
  const sure = suggestionShown && (task.suggestion?.confidence ?? 0) >= SURE_CONFIDENCE;
  const overrules = !skip && sure && answer !== task.suggestion?.answer;
  // Coming back from a skip takes nothing back.
  const changes = before !== undefined && !before.skipped && (skip || before.answer !== answer);
  const why = overrules
    ? 'it overrules a suggestion of 90 % or more'
    : changes
      ? 'it changes your earlier answer'
      : undefined;
  if (why === undefined) return;
  throw new PermanentError('invalid', `rationale: say why, because ${why}`, {
    field: 'rationale',
    value: rationale,
    rule: `at least ${RATIONALE_LENGTH_MIN} characters`,
    reason: 'RATIONALE_REQUIRED',
  });
}
