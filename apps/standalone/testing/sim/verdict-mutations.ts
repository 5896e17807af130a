import { journalWith, loadsWith, withState } from './mutations.js';
import type { Mutation } from './simulation.js';
import { unitWith } from './wrapped.js';

/** Whoever decides finds that no cycle has used up any of the budget. */
export function budgetForgotten(): Mutation {
  return loadsWith((stored, kind) => (kind === 'pipeline' ? withState(stored, { cycleStartsMs: [] }) : stored));
}

/** The evaluation keeps another policy than the one that was admitted: no model is calibrated enough. */
export function policyAltered(): Mutation {
  return journalWith((inner, cause, work, { process }) =>
    inner.once(cause, (unit) =>
      work(
        unitWith(unit, (request) => {
          if (process.service !== 'evaluation' || request.kind !== 'policy-generation') return request;
          const { bundle, ...state } = request.state as { readonly bundle: string };
          return { ...request, state: { ...state, bundle: bundle.replace('eval.ece <= 0.5', 'eval.ece <= 0.0') } };
        }),
      ),
    ),
  );
}

const TOLERATED_BY_MISTAKE = 5;

/** Rollouts hold what they see against another margin than their policy has. */
export function marginIgnored(): Mutation {
  return loadsWith((stored, kind) => {
    if (kind !== 'rollout') return stored;
    const { plan } = stored.state as { readonly plan: { readonly analyses: readonly object[] } };
    const analyses = plan.analyses.map((rule) => ({ ...rule, margin: TOLERATED_BY_MISTAKE }));
    return withState(stored, { plan: { ...plan, analyses } });
  });
}

/** Rollouts look at no slices, although their policy names some. */
export function slicesForgotten(): Mutation {
  return loadsWith((stored, kind) => {
    if (kind !== 'rollout') return stored;
    const { plan } = stored.state as { readonly plan: { readonly slices?: object } };
    const { slices: _slices, ...rest } = plan;
    return withState(stored, { plan: rest });
  });
}
