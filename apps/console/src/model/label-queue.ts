import type { LabelTask } from '@rondo/contracts';
import { formatNumber, formatPercent } from './format.js';

/** What one person has before them: leased tasks in order, and what they answered in this sitting. */
export interface LabelQueue {
  readonly waiting: readonly LabelTask[];
  readonly done: readonly LabelTask[];
  /** Set while an earlier task is open for a new revision. */
  readonly revisiting: LabelTask | undefined;
}

/** Nothing leased yet. */
export const EMPTY_QUEUE: LabelQueue = { waiting: [], done: [], revisiting: undefined };

/** The task on the screen. */
export function currentTask(queue: LabelQueue): LabelTask | undefined {
  return queue.revisiting ?? queue.waiting[0];
}

/** Adds leased tasks, each once; answered ones do not come back by a late lease. */
export function withLease(queue: LabelQueue, tasks: readonly LabelTask[]): LabelQueue {
  const known = new Set([...queue.waiting, ...queue.done].map((task) => task.taskId));
  return { ...queue, waiting: [...queue.waiting, ...tasks.filter((task) => !known.has(task.taskId))] };
}

/** The task was answered or skipped: on to the next one. */
export function advanced(queue: LabelQueue, task: LabelTask): LabelQueue {
  const others = queue.done.filter((t) => t.taskId !== task.taskId);
  return {
    waiting: queue.waiting.filter((t) => t.taskId !== task.taskId),
    done: [...others, task],
    revisiting: undefined,
  };
}

/** Back to the answer before; again goes one further back. */
export function steppedBack(queue: LabelQueue): LabelQueue {
  const at =
    queue.revisiting === undefined
      ? queue.done.length
      : queue.done.findIndex((t) => t.taskId === queue.revisiting?.taskId);
  const earlier = queue.done[at - 1];
  return earlier === undefined ? queue : { ...queue, revisiting: earlier };
}

/** The server's version of a task, with the answer it recorded. */
export function recorded(queue: LabelQueue, task: LabelTask): LabelQueue {
  const renewed = (old: LabelTask): LabelTask => (old.taskId === task.taskId ? task : old);
  return { ...queue, done: queue.done.map(renewed), revisiting: queue.revisiting && renewed(queue.revisiting) };
}

/** The answer was not taken: the task comes back to the front. */
export function givenBack(queue: LabelQueue, task: LabelTask): LabelQueue {
  return {
    ...queue,
    done: queue.done.filter((t) => t.taskId !== task.taskId),
    waiting: [task, ...queue.waiting.filter((t) => t.taskId !== task.taskId)],
  };
}

/** May the suggestion be seen? Never before the first answer of a blind task. */
export function suggestionShown(task: LabelTask): boolean {
  return task.suggestion !== '' && (!task.blind || task.answers.length > 0);
}

/** Confidence from which overruling asks for a rationale. */
export const SURE = 0.9;

/** Shortest rationale the server takes where it asks for one. */
const SHORTEST_RATIONALE = 5;

/** Why the server asks for a rationale with this answer (`''` when skipped); undefined when it does not, or has one. */
export function rationaleMissing(task: LabelTask, answer: string, rationale: string): string | undefined {
  if (rationale.trim().length >= SHORTEST_RATIONALE) return undefined;
  const before = task.answers.at(-1);
  const sure = suggestionShown(task) && task.suggestionConfidence >= SURE;
  if (sure && answer !== '' && answer !== task.suggestion)
    return `it overrules a suggestion that is ${formatPercent(task.suggestionConfidence, 0)} sure`;
  // Coming back from a skip takes nothing back.
  if (before !== undefined && !before.skipped && before.answer !== answer) return 'it changes your earlier answer';
  return undefined;
}

function cellText(value: unknown): string {
  if (value === null) return 'missing';
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : formatNumber(value);
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** Columns of a row in their order, as text; a malformed row is shown as it came. */
export function rowOf(rowJson: string): readonly (readonly [string, string])[] {
  try {
    const row: unknown = JSON.parse(rowJson);
    if (typeof row !== 'object' || row === null) return [['row', rowJson]];
    return Object.entries(row).map(([name, value]) => [name, cellText(value)] as const);
  } catch {
    return [['row', rowJson]];
  }
}
