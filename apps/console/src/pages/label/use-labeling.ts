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
  needsRationale,
  recorded,
  steppedBack,
  withLease,
  type LabelQueue,
} from '../../domain/label-queue.js';

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
  readonly overruling: string | undefined;
  setRationale(text: string): void;
  answer(value: string): void;
  skip(): void;
  back(): void;
  retry(): void;
}

/** Leases ahead, submits without waiting for the answer, and brings a task back when its answer was refused. */
export function useLabeling(campaignId: string): Labeling {
  const client = useQueryClient();
  const [queue, setQueue] = useState<LabelQueue>(EMPTY_QUEUE);
  const [campaign, setCampaign] = useState<LabelCampaign>();
  const [leasing, setLeasing] = useState(true);
  const [dry, setDry] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const [rationale, setRationale] = useState('');
  const [overruling, setOverruling] = useState<string>();
  const time = useActiveTime();
  const busy = useRef(false);
  const task = currentTask(queue);

  const lease = useCallback(async () => {
    if (busy.current) return;
    busy.current = true;
    setLeasing(true);
    try {
      const answer = await api.labeling.leaseTasks({ campaignId, count: LEASE });
      if (answer.campaign !== undefined) setCampaign(answer.campaign);
      setQueue((old) => withLease(old, answer.tasks));
      setDry(answer.tasks.length === 0);
    } catch (error) {
      setProblem(problemOf(error));
      setDry(true);
    } finally {
      busy.current = false;
      setLeasing(false);
    }
  }, [campaignId]);
  useEffect(() => {
    if (queue.waiting.length < REFILL_BELOW && !dry) void lease();
  }, [queue.waiting.length, dry, lease]);
  useEffect(() => {
    setOverruling(undefined);
    setRationale('');
    time.reset();
  }, [task?.taskId, time.reset]);

  const submit = async (of: LabelTask, value: string, skip: boolean): Promise<void> => {
    const request = {
      campaignId,
      taskId: of.taskId,
      answer: value,
      skip,
      rationale: rationale.trim(),
      tookMs: BigInt(time.read()),
      requestId: crypto.randomUUID(),
    };
    const first = of.answers.length === 0;
    setProblem(undefined);
    setQueue((old) => advanced(old, of));
    try {
      const stored = await api.labeling.submitAnswer(request);
      setQueue((old) => recorded(old, stored));
      if (first)
        setCampaign(
          (old) => old && { ...old, answered: old.answered + (skip ? 0 : 1), skipped: old.skipped + (skip ? 1 : 0) },
        );
      void client.invalidateQueries({ queryKey: ['campaigns'] });
    } catch (error) {
      setProblem(problemOf(error));
      setQueue((old) => givenBack(old, of));
    }
  };
  return {
    campaign,
    task,
    canStepBack: queue.done.length > 0,
    answeredHere: queue.done.length,
    leasing,
    problem,
    rationale,
    overruling,
    setRationale,
    answer: (value) => {
      if (task === undefined) return;
      if (needsRationale(task, value, rationale) && overruling !== value) setOverruling(value);
      else void submit(task, value, false);
    },
    skip: () => task !== undefined && void submit(task, '', true),
    back: () => setQueue(steppedBack),
    retry: () => {
      setProblem(undefined);
      setDry(false);
    },
  };
}
