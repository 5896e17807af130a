import { writeFileSync, writeSync } from 'node:fs';
import { it } from '@jest/globals';
import { Laboratory } from './laboratory.js';
import { Simulation } from './simulation.js';

it('probe', async () => {
  const laboratory = await Laboratory.open();
  for (let i = 0; i < Number(process.env.RUNS ?? 9); i++) {
    const t = performance.now();
    const c = process.cpuUsage();
    const seed = i < 3 ? undefined : i;
    const simulation = new Simulation({ laboratory, ...(seed !== undefined && { seed }) });
    await simulation.run();
    const { user, system } = process.cpuUsage(c);
    writeSync(2, ['run', i, (performance.now() - t).toFixed(), 'cpu', (user / 1000).toFixed(), (system / 1000).toFixed(), 'steps', simulation.world.steps, 'effects', simulation.effects.length, 'memo', laboratory.memo.computed, 'faults', simulation.weather.log.length, 'crashes', simulation.weather.log.filter((l) => l.startsWith('crash')).length, 'parked', simulation.broker.parked.map((p) => p.reason).join(';'), 'announced done', simulation.story.done, 'complaints', simulation.story.complaints.length, simulation.story.refusals.length].join(' ') + '\n');
    writeSync(2, '   ' + (await simulation.journalOf('control-plane').list<any>('cycle')).items.map((s) => s.state.phase + ' ' + s.state.result + ' ' + s.state.reason.slice(0, 80)).join('; ') + '\n');
    writeFileSync(`/tmp/trace-${i}`, simulation.world.trace.join('\n'));
    writeFileSync(`/tmp/faults-${i}`, simulation.weather.log.join('\n') + '\n' + simulation.log.lines.filter((l) => l.level !== 'info' && l.level !== 'debug').map((l) => l.message + String(l.error ?? '')).join('\n'));
    await simulation.close();
  }
  await laboratory.close();
}, 300000);
