#!/usr/bin/env node
/**
 * How often the 80 % intervals of forecasts hold what came, on real daily series: a week ahead, made weekly from the half-year before.
 * Series of one source share their months (a storm closes many airports), so that a month of a source is one observation of the
 * coverage. Then how sure the skill of a forecast is, on simulated series.
 * Build first (`npx tsc -b libs/statistics`), then `node bench/error-rates-forecasts.mjs`. Prints Markdown tables; ends with
 * code 1 when the interval of the coverage is not within 75 to 85 %, or skill is shown where there is none.
 */
import { fileURLToPath } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import * as s from '../libs/statistics/dist/index.js';
import { seededRandom } from '../libs/kernel/dist/index.js';
import { percent, quickNormal } from './simulated.mjs';

const [HORIZON, PAST, LEAST_PAST] = [7, 182, 90];
const AIRPORTS = ['ORD', 'ATL', 'DFW', 'LAX'];
const CITIES = ['Seattle', 'New York'];
const data = (name) => fileURLToPath(new URL(`../node_modules/vega-datasets/data/${name}`, import.meta.url));

async function allSeries() {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const read = async (source, name, from, sql) => {
    const rows = (await connection.runAndReadAll(sql)).getRows();
    return { source, name, from, months: rows.map(([month]) => month), values: rows.map(([, value]) => Number(value)) };
  };
  const series = [];
  const quantities = { 'flights a day': 'count(*)', 'share late': 'avg((delay > 15)::INT)' };
  for (const [name, what] of Object.entries(quantities))
    for (const airport of AIRPORTS)
      series.push(
        await read(
          'flights',
          `${airport}, ${name}`,
          LEAST_PAST,
          `SELECT strftime(day, '%Y-%m'), value FROM (
             SELECT CAST(date AS DATE) AS day, ${what} AS value
             FROM '${data('flights-3m.parquet')}' WHERE origin = '${airport}' GROUP BY day
           ) ORDER BY day`,
        ),
      );
  for (const city of CITIES)
    for (const what of ['temp_max', 'temp_min', 'wind'])
      series.push(
        await read(
          city,
          `${city}, ${what}`,
          366,
          `SELECT strftime(date, '%Y-%m'), ${what} FROM '${data('weather.csv')}' WHERE location = '${city}' ORDER BY date`,
        ),
      );
  return series;
}

/** Mean coverage over months, each as it is over all series of its source, with a t interval. */
function overMonths(months) {
  const shares = months.map(({ held, points }) => held / points);
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  const variance = shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / (shares.length - 1);
  const reach = s.tQuantile(0.975, shares.length - 1) * Math.sqrt(variance / shares.length);
  return { mean, lower: Math.max(0, mean - reach), upper: Math.min(1, mean + reach) };
}

const months = new Map();
const seen = (key, inside) => {
  const month = months.get(key) ?? { held: 0, points: 0 };
  months.set(key, { held: month.held + inside, points: month.points + 1 });
};
console.log('| daily series | forecasts | 80 % interval held | skill against seasonal naive | advisory |');
console.log('|---|---|---|---|---|');
for (const { source, name, from, months: monthOf, values } of await allSeries()) {
  let [held, points, own, naive, advisory, made] = [0, 0, 0, 0, 0, 0];
  for (let origin = from; origin + HORIZON <= values.length; origin += HORIZON) {
    const past = values.slice(Math.max(0, origin - PAST), origin);
    const result = s.forecast(past, { horizon: HORIZON, seasonLength: 7, confidence: 0.8 });
    made++;
    if (result.advisory !== null) advisory++;
    result.points.forEach(({ value, lower, upper }, h) => {
      const actual = values[origin + h];
      const inside = lower <= actual && actual <= upper ? 1 : 0;
      held += inside;
      points++;
      for (const group of ['all', source, ...(result.advisory === null ? ['acting'] : [])])
        seen(`${group}|${source} ${monthOf[origin + h]}`, inside);
      own += Math.abs(actual - value);
      naive += Math.abs(actual - past[past.length - 7 + h]);
    });
  }
  console.log(
    `| ${name} | ${made} | ${percent(held / points)} | ${(1 - own / naive).toFixed(2)} | ${percent(advisory / made)} |`,
  );
}
console.log('\nMean over months, each as it is over all series of its source, with a 95 % interval over months:\n');
console.log('| series | months | 80 % interval held (wanted: 75 to 85 %) |\n|---|---|---|');
for (const [group, name] of [
  ['flights', 'flights'],
  ...CITIES.map((city) => [city, city]),
  ['all', '**together**'],
  ['acting', 'forecasts that are not advisory'],
]) {
  const own = [...months].flatMap(([key, month]) => (key.startsWith(`${group}|`) ? [month] : []));
  const { mean, lower, upper } = overMonths(own);
  if (group === 'all' && (lower < 0.75 || upper > 0.85)) process.exitCode = 1;
  console.log(`| ${name} | ${own.length} | ${percent(mean)} (${percent(lower)} to ${percent(upper)}) |`);
}

/** Simulated series whose mean skill is known from all of them together: what is asked is the interval of each. */
const SIMULATED = {
  'independent values': (next) => next,
  'AR(1), 0.7': (next) => {
    let level = 0;
    return () => (level = 0.7 * level + next());
  },
  'random walk': (next) => {
    let level = 0;
    return () => (level += next());
  },
};
const [RUNS, POINTS] = [300, 70];

function skillOf(make, horizon) {
  const intervals = [];
  let [own, naive] = [0, 0];
  for (let run = 1; run <= RUNS; run++) {
    const random = seededRandom(run);
    const next = make(() => quickNormal(random));
    const series = Float64Array.from({ length: POINTS }, () => next());
    const { skillScore, skillInterval, origins } = s.forecast(series, { horizon });
    let error = 0;
    for (let i = horizon; i < origins; i++) {
      const origin = POINTS - horizon - origins + 1 + i;
      for (let step = 0; step < horizon; step++) error += Math.abs(series[origin + step] - series[origin - 1]);
    }
    error /= horizon * (origins - horizon);
    own += (1 - skillScore) * error;
    naive += error;
    intervals.push(skillInterval);
  }
  return { skill: 1 - own / naive, intervals };
}

console.log(`\nThe 80 % interval of the skill, ${RUNS} simulated series of ${POINTS} points:\n`);
console.log(
  '| series | steps ahead | skill | held it | shown to have skill (lower bound above 0) |\n|---|---|---|---|---|',
);
for (const [name, make] of Object.entries(SIMULATED))
  for (const horizon of [1, 3, 7]) {
    const { skill, intervals } = skillOf(make, horizon);
    const held = intervals.filter(({ lower, upper }) => lower === null || (lower <= skill && skill <= upper)).length;
    const shown = intervals.filter(({ lower }) => lower !== null && lower > 0).length;
    console.log(`| ${name} | ${horizon} | ${skill.toFixed(2)} | ${percent(held / RUNS)} | ${percent(shown / RUNS)} |`);
    // Nominal is 10 %: a series that is not foreseen is rarely shown to be.
    if (skill <= 0 && shown / RUNS > 0.1) process.exitCode = 1;
  }
