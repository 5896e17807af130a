import { useQueryClient } from '@tanstack/react-query';
import type { LabelCampaign, LabelTask } from '@rondo/contracts';
import { useCallback, useEffect, useRef, useState } from 'react';
import { api } from '../../api/client.js';
import { problemOf, type Problem } from '../../api/errors.js';
import {
  advanced,
  currentTask,
  EMPTY_QUEUE,
  givenBack,
  rationaleMissing,
  recorded,
  steppedBack,
  withLease,
  type LabelQueue,
} from '../../model/label-queue.js';

const LEASE = 10;
const REFILL_BELOW = 3;
/** Longer pauses are not time on the task. */
const IDLE_MS = 30_000;

/** Milliseconds a person was active since the last reset; pauses count up to {@link IDLE_MS}. */
function useActiveTime(): { reset: () => void; read: () => number } {
  const time = useRef({ activeMs: 0, lastMs: 0 });
  const touch = useCallback(() => {
    const now = performance.now();
    time.current.activeMs += Math.min(IDLE_MS, now - time.current.lastMs);
    time.current.lastMs = now;
  }, []);
  useEffect(() => {
    time.current.lastMs = performance.now();
    window.addEventListener('keydown', touch);
    window.addEventListener('pointermove', touch);
    return () => {
      window.removeEventListener('keydown', touch);
      window.removeEventListener('pointermove', touch);
    };
  }, [touch]);
  const reset = useCallback(() => void (time.current = { activeMs: 0, lastMs: performance.now() }), []);
  const read = useCallback(() => {
    touch();
    return Math.round(time.current.activeMs);
  }, [touch]);
  return { reset, read };
}

/** What the workbench shows and what it can do. */
export interface Labeling {
  readonly campaign: LabelCampaign | undefined;
  readonly task: LabelTask | undefined;
  readonly canStepBack: boolean;
  readonly answeredHere: number;
  readonly leasing: boolean;
  readonly problem: Problem | undefined;
  readonly rationale: string;
  /** The answer that was not sent yet, and why it needs a rationale first; `''` is a skip. */
  readonly unexplained: { readonly answer: string; readonly why: string } | undefined;
  setRationale(text: string): void;
  answer(value: string): void;
  skip(): void;
  back(): void;
  retry(): void;
}

interface Leases {
  readonly queue: LabelQueue;
  readonly campaign: LabelCampaign | undefined;
  /** A lease is under way or about to be asked for. */
  readonly leasing: boolean;
  setQueue(change: (old: LabelQueue) => LabelQueue): void;
  setCampaign(change: (old: LabelCampaign | undefined) => LabelCampaign | undefined): void;
  again(): void;
}

/** Keeps a few tasks ahead. A lease that brings nothing new is asked for again only after the next answer. */
function useLeases(campaignId: string, onProblem: (problem: Problem) => void): Leases {
  const [queue, setQueue] = useState<LabelQueue>(EMPTY_QUEUE);
  const [campaign, setCampaign] = useState<LabelCampaign>();
  const [dryAt, setDryAt] = useState(-1);
  const busy = useRef(false);
  const answered = queue.done.length;
  const wanted = queue.waiting.length < REFILL_BELOW && dryAt !== answered;
  const latest = useRef({ queue, onProblem });
  latest.current = { queue, onProblem };
  const lease = useCallback(async () => {
    if (busy.current) return;
    busy.current = true;
    const before = latest.current.queue;
    let dry = true;
    try {
      const answer = await api.labeling.leaseTasks({ campaignId, count: LEASE });
      if (answer.campaign !== undefined) setCampaign(answer.campaign);
      dry = withLease(before, answer.tasks).waiting.length === before.waiting.length;
      setQueue((old) => withLease(old, answer.tasks));
    } catch (error) {
      latest.current.onProblem(problemOf(error));
    } finally {
      busy.current = false;
      if (dry) setDryAt(before.done.length);
    }
  }, [campaignId]);
  useEffect(() => {
    if (wanted) void lease();
  }, [wanted, answered, dryAt, lease]);
  return { queue, campaign, leasing: wanted, setQueue, setCampaign, again: () => setDryAt(-1) };
}

/** The campaign after one more task was done. */
function counted(campaign: LabelCampaign | undefined, skip: boolean): LabelCampaign | undefined {
  if (campaign === undefined) return undefined;
  return { ...campaign, answered: campaign.answered + (skip ? 0 : 1), skipped: campaign.skipped + (skip ? 1 : 0) };
}

/** Leases ahead, submits without waiting for the answer, and brings a task back when its answer was refused. */
export function useLabeling(campaignId: string): Labeling {
  const client = useQueryClient();
  const [problem, setProblem] = useState<Problem>();
  const [rationale, setRationale] = useState('');
  const [unexplained, setUnexplained] = useState<Labeling['unexplained']>();
  const { queue, campaign, leasing, setQueue, setCampaign, again } = useLeases(campaignId, setProblem);
  const time = useActiveTime();
  const task = currentTask(queue);
  useEffect(() => {
    setUnexplained(undefined);
    setRationale('');
    time.reset();
  }, [task?.taskId, time.reset]);

  const submit = async (of: LabelTask, answer: string, skip: boolean): Promise<void> => {
    const ids = { campaignId, taskId: of.taskId, requestId: crypto.randomUUID() };
    const request = { ...ids, answer, skip, rationale: rationale.trim(), tookMs: BigInt(time.read()) };
    setProblem(undefined);
    setQueue((old) => advanced(old, of));
    try {
      const stored = await api.labeling.submitAnswer(request);
      setQueue((old) => recorded(old, stored));
      if (of.answers.length === 0) setCampaign((old) => counted(old, skip));
      void client.invalidateQueries({ queryKey: ['campaigns'] });
    } catch (error) {
      setProblem(problemOf(error));
      setQueue((old) => givenBack(old, of));
    }
  };
  const give = (answer: string): void => {
    if (task === undefined) return;
    const why = rationaleMissing(task, answer, rationale);
    if (why === undefined) void submit(task, answer, answer === '');
    else setUnexplained({ answer, why });
  };
  return {
    campaign,
    task,
    canStepBack: queue.done.length > 0,
    answeredHere: queue.done.length,
    leasing,
    problem,
    rationale,
    unexplained,
    setRationale,
    answer: give,
    skip: () => give(''),
    back: () => setQueue(steppedBack),
    retry: () => {
      setProblem(undefined);
      again();
    },
  };
}
