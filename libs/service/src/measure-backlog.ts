import type { Telemetry } from '@rondo/telemetry';
import type { JobRunner } from './jobs/job-runner.js';
import type { Platform } from './ports.js';

/**
 * Gauges of what waits: messages (in number and in seconds), messages set aside, jobs of this process. They are asked for at each
 * scrape. Groups are those of the service and those named after it (`control-plane.notifications`), except those that another
 * replica has or had for itself: nobody reads on for one that is gone. All replicas of a service report the same messages, so that
 * rules take the maximum, and each its own jobs, so that rules take the sum.
 * @returns ends the measuring
 */
export function measureBacklog(platform: Platform, jobs: JobRunner): () => void {
  const { service, bus, telemetry, clock, log, replica } = platform;
  const isOwn = (group: string): boolean => {
    const ofOneReplica = group.includes('@') && !(replica && group.endsWith(`@${replica.name}`));
    return (group === service || group.startsWith(`${service}.`)) && !ofOneReplica;
  };
  const gauges = gaugesOf(telemetry);
  return telemetry.beforeScrape(async () => {
    for (const { kind, running, queued } of jobs.load()) {
      gauges.jobs.set(running, { kind, state: 'running' });
      gauges.jobs.set(queued, { kind, state: 'queued' });
    }
    try {
      const lags = await bus.lag(isOwn);
      for (const { group, topic, messages, oldestAgeMs } of lags) {
        gauges.lagRecords.set(messages, { group, topic });
        gauges.lagSeconds.set(oldestAgeMs / 1000, { group, topic });
      }
      const parked = (await bus.parked.list()).filter(({ delivery }) => isOwn(delivery.group));
      for (const group of new Set([service, ...lags.map((lag) => lag.group)])) {
        const own = parked.filter(({ delivery }) => delivery.group === group);
        const oldestAtMs = Math.min(clock.now(), ...own.map(({ parkedAtMs }) => parkedAtMs));
        gauges.parked.set(own.length, { group });
        gauges.parkedAge.set((clock.now() - oldestAtMs) / 1000, { group });
      }
    } catch (error) {
      log.error('the backlog cannot be measured', { service }, error);
    }
  });
}

function gaugesOf(telemetry: Telemetry) {
  const perTopic = ['group', 'topic'];
  return {
    jobs: telemetry.gauge('rondo_jobs_active', 'Durable jobs that run or wait.', ['kind', 'state']),
    lagRecords: telemetry.gauge('rondo_consumer_lag_records', 'Unprocessed messages.', perTopic),
    lagSeconds: telemetry.gauge('rondo_consumer_lag_seconds', 'Age of the oldest unprocessed message.', perTopic),
    parked: telemetry.gauge('rondo_parked_messages', 'Messages set aside with their reason.', ['group']),
    parkedAge: telemetry.gauge('rondo_parked_oldest_age_seconds', 'Age of the oldest message set aside.', ['group']),
  };
}
