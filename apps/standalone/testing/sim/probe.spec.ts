import { writeFileSync } from 'node:fs';
import { it } from '@jest/globals';
import { Laboratory } from './laboratory.js';
import { Simulation } from './simulation.js';

it('probe', async () => {
  const laboratory = await Laboratory.open();
  for (let i = 0; i < 9; i++) {
    const t = performance.now();
    const c = process.cpuUsage();
    const simulation = new Simulation({ laboratory });
    await simulation.run();
    const { user, system } = process.cpuUsage(c);
    console.log('run', i, performance.now() - t, 'cpu', user / 1000, system / 1000, 'steps', simulation.world.steps, 'effects', simulation.effects.length, 'memo', laboratory.memo.computed, laboratory.memo.reused);
    console.log((await simulation.journalOf('control-plane').list<any>('cycle')).items.map((s) => s.state.phase + ' ' + s.state.result + ' ' + s.state.reason.slice(0, 80)).join('; '));
    writeFileSync(`/tmp/trace-${i}`, simulation.world.trace.join('\n'));
    if (i === 0) {
      const cp = simulation.journalOf('control-plane');
      for (const k of ['ledger-event', 'cycle']) {
        const page = await cp.list<any>(k, {limit: 1000});
        console.log(k, page.items.map((s) => JSON.stringify({ id: s.id, fate: s.state.fate, phase: s.state.phase, result: s.state.result, reason: s.state.reason })).join('\n'));
      }
      console.log(simulation.broker.parked.map((p) => p.reason), simulation.log.lines.filter((l) => l.level !== 'info' && l.level !== 'debug').map((l) => l.message + String(l.error ?? '')).slice(0, 10));
      console.log(simulation.world.waiting());
    }
    await simulation.close();
  }
  await laboratory.close();
}, 300000);
