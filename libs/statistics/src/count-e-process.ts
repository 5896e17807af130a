import { checkAtLeast, checkBetween, checkCount, invalid, type Numbers } from './checks.js';

/** Events and exposures of both arms in one interval of time, during which the traffic split may be anything. */
export interface CountInterval {
  /** Errors, exceedances, complaints among the canary's answers. */
  readonly canaryEvents: number;
  /** The canary's answers, or anything proportional to them. */
  readonly canaryExposure: number;
  readonly baselineEvents: number;
  readonly baselineExposure: number;
}

/** Plain JSON; holds everything needed to go on after a restart. */
export interface CountEProcess {
  readonly ratios: readonly number[];
  readonly nullRatio: number;
  /** ln of the likelihood ratio of each alternative against the null ratio. */
  readonly logLikelihoodRatios: readonly number[];
  /** Highest ln e-value so far. */
  readonly maxLogE: number;
  readonly canaryEvents: number;
  readonly canaryExposure: number;
  readonly baselineEvents: number;
  readonly baselineExposure: number;
}

/** Evidence against a null hypothesis that may be read after every event. */
export interface SequentialEvidence {
  /** ln of the e-value now. */
  readonly logEValue: number;
  /** min(1, 1 / highest e-value so far): valid at every moment, never rises. */
  readonly pValue: number;
  /** The e-value reached 1/alpha at some time; once true it stays true. */
  readonly rejected: boolean;
}

/** Rate ratios that cover harm from a quarter more to twelve times as many events. */
export const HARM_RATIOS: readonly number[] = [1.25, 1.5, 2, 3, 4, 6, 8, 12];

/**
 * Starts a test of "the canary's event rate is at most `nullRatio` times the baseline's" (default 1) that may be looked
 * at after every interval. Given the events of an interval, those of the canary are binomial with probability
 * r·n_c / (r·n_c + n_b) for rate ratio r; the e-value averages the likelihood ratios of the alternatives `ratios`,
 * equally weighted. All ratios above `nullRatio` test for harm; all below test "at least nullRatio" (non-inferiority).
 * Source: Lindon & Malek (2022), NeurIPS ("Anytime-valid inference for multinomial count data"); Grünwald et al. (2024),
 * JRSS B 86:1091.
 * @example startCountEProcess().maxLogE // => 0
 */
export function startCountEProcess(
  options: { readonly ratios?: readonly number[]; readonly nullRatio?: number } = {},
): CountEProcess {
  const { ratios = HARM_RATIOS, nullRatio = 1 } = options;
  checkBetween('nullRatio', nullRatio, 0, Infinity);
  if (ratios.length === 0) throw invalid('ratios', 0, 'needs at least 1 value');
  ratios.forEach((ratio, i) => checkBetween(`ratios[${i}]`, ratio, 0, Infinity));
  if (!ratios.every((ratio) => ratio > nullRatio) && !ratios.every((ratio) => ratio < nullRatio)) {
    throw invalid('ratios', ratios, `must all lie on one side of nullRatio (${nullRatio})`);
  }
  const logLikelihoodRatios = ratios.map(() => 0);
  const empty = { canaryEvents: 0, canaryExposure: 0, baselineEvents: 0, baselineExposure: 0 };
  return { ratios: [...ratios], nullRatio, logLikelihoodRatios, maxLogE: 0, ...empty };
}

/**
 * The state after one more interval. Events must be whole, exposures not negative; an arm without exposure cannot have
 * events. The split between the arms may change from interval to interval, not because of the events within one.
 * @example updateCountEProcess(startCountEProcess({ ratios: [3] }), { canaryEvents: 3, canaryExposure: 50, baselineEvents: 1, baselineExposure: 50 }).maxLogE // => 0.523248
 */
export function updateCountEProcess(state: CountEProcess, interval: CountInterval): CountEProcess {
  const { canaryEvents, canaryExposure, baselineEvents, baselineExposure } = interval;
  checkCount('canaryEvents', canaryEvents);
  checkCount('baselineEvents', baselineEvents);
  checkAtLeast('canaryExposure', canaryExposure, 0);
  checkAtLeast('baselineExposure', baselineExposure, 0);
  if (canaryEvents > 0 && canaryExposure === 0)
    throw invalid('canaryEvents', canaryEvents, 'must be 0 without exposure');
  if (baselineEvents > 0 && baselineExposure === 0) {
    throw invalid('baselineEvents', baselineEvents, 'must be 0 without exposure');
  }
  const events = canaryEvents + baselineEvents;
  const { nullRatio } = state;
  const logLikelihoodRatios = state.logLikelihoodRatios.map((value, i) => {
    if (events === 0) return value;
    const ratio = state.ratios[i]!;
    const exposures = (nullRatio * canaryExposure + baselineExposure) / (ratio * canaryExposure + baselineExposure);
    return value + canaryEvents * Math.log(ratio / nullRatio) + events * Math.log(exposures);
  });
  return {
    ratios: state.ratios,
    nullRatio,
    logLikelihoodRatios,
    maxLogE: Math.max(state.maxLogE, logMeanExp(logLikelihoodRatios)),
    canaryEvents: state.canaryEvents + canaryEvents,
    canaryExposure: state.canaryExposure + canaryExposure,
    baselineEvents: state.baselineEvents + baselineEvents,
    baselineExposure: state.baselineExposure + baselineExposure,
  };
}

/**
 * What the test says now. If the null hypothesis holds, it is ever rejected with probability at most `alpha`.
 * @example readCountEProcess(startCountEProcess(), 0.05) // => { logEValue: 0, pValue: 1, rejected: false }
 */
export function readCountEProcess(state: CountEProcess, alpha: number): SequentialEvidence {
  return evidence(logMeanExp(state.logLikelihoodRatios), state.maxLogE, alpha);
}

/** ln of the mean of exponentials, without overflow. */
export function logMeanExp(values: Numbers): number {
  let highest = -Infinity;
  for (let i = 0; i < values.length; i++) if (values[i]! > highest) highest = values[i]!;
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.exp(values[i]! - highest);
  return highest + Math.log(sum / values.length);
}

/** Reads a log e-value and its running maximum at a level. */
export function evidence(logEValue: number, maxLogE: number, alpha: number): SequentialEvidence {
  checkBetween('alpha', alpha, 0, 1);
  return { logEValue, pValue: Math.min(1, Math.exp(-maxLogE)), rejected: maxLogE >= -Math.log(alpha) };
}

/** How long a test should take. */
export interface SamplesToDecision {
  /** Events (or discordant pairs) until the e-value is expected to reach 1/alpha. */
  readonly events: number;
  /** Rows of both arms (or pairs) in which that many events are expected. */
  readonly rows: number;
}

/**
 * Events and rows until {@link startCountEProcess} detects a true rate ratio, typically: ln(1/α) divided by the growth
 * rate per event of its best alternative, which is within a tenth of the simulated median. Null when no alternative
 * grows, that is, when it never will.
 * @example expectedRowsToDetectRatio({ baselineRate: 0.01, rateRatio: 5, canaryShare: 0.5, alpha: 0.05 }) // => { events: 13, rows: 434 }
 */
export function expectedRowsToDetectRatio(plan: {
  readonly baselineRate: number;
  readonly rateRatio: number;
  /** Share of traffic that the canary gets. */
  readonly canaryShare: number;
  readonly alpha: number;
  readonly ratios?: readonly number[];
}): SamplesToDecision | null {
  const { baselineRate, rateRatio, canaryShare, alpha, ratios = HARM_RATIOS } = plan;
  checkBetween('baselineRate', baselineRate, 0, 1);
  checkBetween('rateRatio', rateRatio, 0, Infinity);
  checkBetween('canaryShare', canaryShare, 0, 1);
  checkBetween('alpha', alpha, 0, 1);
  const odds = canaryShare / (1 - canaryShare);
  const canaryChance = (ratio: number): number => (ratio * odds) / (ratio * odds + 1);
  const candidates = ratios.map(canaryChance);
  const events = eventsToDecision(canaryChance(rateRatio), canaryChance(1), candidates, alpha);
  if (events === null) return null;
  const eventsPerRow = baselineRate * (canaryShare * rateRatio + 1 - canaryShare);
  return { events, rows: Math.ceil(events / eventsPerRow) };
}

/** Bernoulli events with true chance `truth` until a mixture over `candidates` refutes `chance`. */
export function eventsToDecision(truth: number, chance: number, candidates: Numbers, alpha: number): number | null {
  const growth = Array.from(
    candidates,
    (p) => truth * Math.log(p / chance) + (1 - truth) * Math.log((1 - p) / (1 - chance)),
  );
  const fastest = Math.max(...growth);
  return fastest <= 0 ? null : Math.ceil(-Math.log(alpha) / fastest);
}
