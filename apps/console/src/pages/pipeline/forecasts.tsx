import { useQuery } from '@tanstack/react-query';
import type { ForecastIssued, ForecastSeries, ListForecastsResponse } from '@rondo/contracts';
import type { ReactNode } from 'react';
import { reads } from '../../api/queries.js';
import { LineBand, type BandPoint } from '../../charts/line-band.js';
import { formatCount, formatDate, formatNumber, formatPercent, toMs } from '../../model/format.js';
import { advisoryOf, seriesTitle } from '../../model/words.js';
import { Estimate, estimateWords, shareWords } from '../../ui/estimate.js';
import { Card, Facts } from '../../ui/layout.js';
import { Status } from '../../ui/status.js';

function sentence(forecast: ForecastIssued): string {
  const end = forecast.points.at(-1);
  const endMs = toMs(end?.at);
  const expectedMs = toMs(forecast.breachExpected);
  const ahead =
    end === undefined || endMs === undefined
      ? ''
      : `${formatNumber(end.value)} expected on ${formatDate(endMs)} (${formatNumber(end.lower)} to ${formatNumber(end.upper)}); `;
  const breach =
    expectedMs === undefined ? 'no breach expected within the horizon' : `breach expected on ${formatDate(expectedMs)}`;
  const latest =
    forecast.lastValueEstimate === undefined
      ? formatNumber(forecast.lastValue)
      : estimateWords(forecast.lastValueEstimate);
  return `Latest ${latest}; ${ahead}${breach}.`;
}

/** What the method was worth on the past of the series, and what its forecasts turned out to be worth. */
function Worth({
  forecast,
  series,
}: {
  readonly forecast: ForecastIssued;
  readonly series: ForecastSeries;
}): ReactNode {
  const { errorEstimate: error, intervalCoverageEstimate: coverage, realisedSkillEstimate: skill } = series;
  const came =
    error === undefined
      ? 'nothing forecast has come yet'
      : [
          `mean error ${estimateWords(error)} over ${formatCount(series.outcomes)} values`,
          ...(coverage === undefined ? [] : [`${shareWords(coverage)} inside the interval`]),
          ...(skill === undefined ? [] : [`skill ${shareWords(skill)}`]),
        ].join('; ');
  const past =
    forecast.skillEstimate === undefined ? formatPercent(forecast.skill, 0) : shareWords(forecast.skillEstimate);
  return (
    <Facts
      items={[
        [
          'Skill on its past',
          `${past} less error than ${forecast.skillAgainst}, over ${formatCount(forecast.origins)} past moments (${forecast.method}, n = ${formatCount(forecast.n)})`,
        ],
        ['What came of it', came],
        ['Probability of a breach', <Estimate key="p" of={forecast.breachProbability} />],
      ]}
    />
  );
}

const toPoint = (at: BandPoint['atMs'] | undefined, rest: Omit<BandPoint, 'atMs'>): BandPoint[] =>
  at === undefined ? [] : [{ atMs: at, ...rest }];

function Series({
  series,
  forecast,
}: {
  readonly series: ForecastSeries;
  readonly forecast: ForecastIssued;
}): ReactNode {
  const title = seriesTitle(series.series);
  const { n } = forecast;
  return (
    <Card
      title={`Forecast of ${title}`}
      {...(forecast.advisory !== '' && { note: <Status of={advisoryOf(forecast.advisory)} /> })}
    >
      <LineBand
        title={`Measured and forecast ${title}`}
        valueName={title}
        summary={sentence(forecast)}
        points={series.points.flatMap(({ at, value, estimate }) =>
          toPoint(toMs(at), {
            value,
            n: estimate === undefined ? n : Number(estimate.n),
            ...(estimate?.lower !== undefined && { lower: estimate.lower }),
            ...(estimate?.upper !== undefined && { upper: estimate.upper }),
          }),
        )}
        ahead={{
          confidence: forecast.confidence,
          points: forecast.points.flatMap(({ at, value, lower, upper }) =>
            toPoint(toMs(at), { value, lower, upper, n }),
          ),
        }}
        limits={[{ value: series.limit, label: 'limit' }]}
      />
      <Worth forecast={forecast} series={series} />
    </Card>
  );
}

function Missing({ series }: { readonly series: readonly ForecastSeries[] }): ReactNode {
  const waiting = series.filter(({ pointsMissing }) => pointsMissing > 0);
  if (waiting.length === 0) return null;
  return (
    <Card title="Forecasts to come">
      {waiting.map(({ series: name, pointsMissing }) => (
        <p key={name} className="rd-muted">
          {seriesTitle(name)}: {formatCount(pointsMissing)} more {pointsMissing === 1 ? 'evaluation' : 'evaluations'} of
          this champion are needed.
        </p>
      ))}
    </Card>
  );
}

function newestOf(data: ListForecastsResponse, series: ForecastSeries): ForecastIssued | undefined {
  return series.pointsMissing > 0
    ? undefined
    : data.forecasts.find(({ forecast }) => forecast?.series === series.series)?.forecast;
}

/** What the policy has forecast, each with the skill it had; nothing when it forecasts nothing. */
export function Forecasts({ pipeline }: { readonly pipeline: string }): ReactNode {
  const { data } = useQuery(reads.forecasts(pipeline));
  if (data === undefined || data.series.length === 0) return null;
  return (
    <div className="rd-grid" data-wide="true">
      {data.series.map((series) => {
        const forecast = newestOf(data, series);
        return forecast === undefined ? null : <Series key={series.series} series={series} forecast={forecast} />;
      })}
      <Missing series={data.series} />
    </div>
  );
}
