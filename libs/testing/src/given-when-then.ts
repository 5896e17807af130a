/** A pure decider: what a command means in a state, and what an event makes of it. */
export interface Decider<S, C, E> {
  readonly initial: S;
  decide(state: S, command: C): readonly E[];
  evolve(state: S, event: E): S;
}

/** What a command led to. */
export interface Outcome<S, E> {
  readonly events: readonly E[];
  readonly state: S;
}

/** `given(decider, ...history).when(command)` folds the history, decides once and returns the events and the new state. */
export function given<S, C, E>(
  decider: Decider<S, C, E>,
  ...history: readonly E[]
): { when(command: C): Outcome<S, E> } {
  const fold = (from: S, events: readonly E[]): S =>
    events.reduce((state, event) => decider.evolve(state, event), from);
  return {
    when(command) {
      const before = fold(decider.initial, history);
      const events = decider.decide(before, command);
      return { events, state: fold(before, events) };
    },
  };
}
