import { useQueryClient } from '@tanstack/react-query';
import type { Rollout } from '@rondo/contracts';
import { useState, type ReactNode } from 'react';
import { api } from '../../api/client.js';
import { reads } from '../../api/queries.js';
import { RoleButton } from '../../app/who.js';
import { formatCount } from '../../model/format.js';
import { statusOf } from '../../model/words.js';
import { ReasonDialog } from '../../ui/reason-dialog.js';

type Verb = 'pause' | 'resume' | 'advance' | 'promote' | 'rollBack';

interface Action {
  readonly title: string;
  readonly button: string;
  /** Said beside the button, before anyone presses it. */
  readonly short: string;
  readonly does: readonly string[];
  readonly done: string;
  readonly danger?: boolean;
}

function actionsOf(rollout: Rollout): Record<Verb, Action> {
  const model = `${rollout.candidate?.name ?? 'challenger'} v${String(rollout.candidate?.version ?? 0)}`;
  const next = rollout.steps[rollout.stepIndex + 1];
  const nextWords =
    next === undefined
      ? 'promotes the challenger'
      : `enters ${next.name} at ${next.shadow ? 'shadow' : `${String(next.weightPercent)} %`}`;
  return {
    pause: {
      title: 'Pause the rollout',
      button: 'Pause',
      short: `keeps ${String(rollout.weightPercent)} % and stops advancing`,
      does: [
        `Traffic stays at ${String(rollout.weightPercent)} %; no step is entered until someone resumes.`,
        'Harm still rolls it back by itself.',
      ],
      done: 'The rollout is paused.',
    },
    resume: {
      title: 'Resume the rollout',
      button: 'Resume',
      short: 'goes on with the present step',
      does: ['The present step goes on; the next one is entered when its evidence suffices.'],
      done: 'The rollout goes on.',
    },
    advance: {
      title: 'Advance to the next step',
      button: 'Advance',
      short: `${nextWords} now`,
      does: [
        `Ends the present step at once and ${nextWords}.`,
        'Its bake time and missing evidence are skipped; the record says so.',
      ],
      done: 'The next step was entered.',
    },
    promote: {
      title: `Promote ${model}`,
      button: 'Promote',
      short: 'skips the steps left',
      does: [
        `${model} becomes champion and gets all traffic now; the steps left are skipped.`,
        'The champion before it can be restored as one set.',
      ],
      done: 'The challenger was promoted.',
    },
    rollBack: {
      title: `Roll back ${model}`,
      button: 'Roll back',
      short: 'takes all traffic off the challenger',
      does: [
        'All traffic returns to the champion at once: model, features and thresholds as one set.',
        'The cycle ends as rolled back and its cool-down begins. Answers already given are not changed.',
      ],
      done: 'Rolled back: the champion has all traffic.',
      danger: true,
    },
  };
}

const CALLS: Record<
  Verb,
  (request: { rolloutId: string; reason: string; requestId: string; etag: string }) => Promise<unknown>
> = {
  pause: (request) => api.rollouts.pauseRollout(request),
  resume: (request) => api.rollouts.resumeRollout(request),
  advance: (request) => api.rollouts.advanceRollout(request),
  promote: (request) => api.rollouts.promoteRollout(request),
  rollBack: (request) => api.rollouts.rollBack(request),
};

/** What a person would want to know before acting on a state they have not seen. */
function differences(before: Rollout, now: Rollout): string[] {
  const step = (rollout: Rollout): string => rollout.steps[rollout.stepIndex]?.name ?? 'the end';
  return [
    ...(before.state === now.state
      ? []
      : [`It was ${statusOf(before.state).word}; now it is ${statusOf(now.state).word}.`]),
    ...(step(before) === step(now) ? [] : [`It was in ${step(before)}; now it is in ${step(now)}.`]),
    ...(before.weightPercent === now.weightPercent
      ? []
      : [`Challenger traffic went from ${String(before.weightPercent)} % to ${String(now.weightPercent)} %.`]),
    ...(before.labels === now.labels
      ? []
      : [`Labels went from ${formatCount(before.labels)} to ${formatCount(now.labels)}.`]),
  ];
}

/** The manual overrides; each says what it does before it is pressed and asks for the reason after. */
export function RolloutActions({ rollout }: { readonly rollout: Rollout }): ReactNode {
  const client = useQueryClient();
  const [opened, setOpened] = useState<{ readonly verb: Verb; readonly seen: Rollout }>();
  const actions = actionsOf(rollout);
  const ended = rollout.state !== 'Running' && rollout.state !== 'Paused';
  if (ended) return null;
  const offered: Verb[] = [rollout.state === 'Paused' ? 'resume' : 'pause', 'advance', 'promote', 'rollBack'];
  const current = opened === undefined ? undefined : actionsOf(opened.seen)[opened.verb];
  const changedSince = async (): Promise<readonly string[]> => {
    if (opened === undefined) return [];
    const now = await client.fetchQuery({ ...reads.rollout(rollout.pipeline, rollout.cycleId), staleTime: 0 });
    setOpened({ verb: opened.verb, seen: now });
    return differences(opened.seen, now);
  };
  return (
    <div className="rd-stack">
      {offered.map((verb) => (
        <div key={verb} className="rd-row">
          <RoleButton
            needs="operator"
            danger={actions[verb].danger === true}
            onClick={() => setOpened({ verb, seen: rollout })}
          >
            {actions[verb].button}…
          </RoleButton>
          <span className="rd-muted">{actions[verb].short}</span>
        </div>
      ))}
      <ReasonDialog
        opened={opened !== undefined}
        onClose={() => setOpened(undefined)}
        title={current?.title ?? ''}
        does={current?.does ?? []}
        confirm={current?.button ?? ''}
        danger={current?.danger === true}
        changedSince={changedSince}
        act={(reason, requestId) =>
          opened === undefined
            ? Promise.resolve()
            : CALLS[opened.verb]({ rolloutId: rollout.rolloutId, reason, requestId, etag: opened.seen.etag })
        }
        done={current?.done ?? ''}
      />
    </div>
  );
}
