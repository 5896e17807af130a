// A trainer that behaves as the job's parameter `mode` says; the last argument is the job file.
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const job = JSON.parse(readFileSync(process.argv.at(-1), 'utf8'));
const { mode, model, marker } = job.params;
const out = (name) => join(job.outputDir, name);
const forever = () => setInterval(() => undefined, 1_000_000);
const sleeper = (options) =>
  spawn(process.execPath, ['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1e6)'], options);

const modes = {
  good() {
    console.log('importing things');
    console.log(JSON.stringify({ type: 'progress', stage: 'fit', progress: 0.5 }));
    copyFileSync(model, out('model.onnx'));
    writeFileSync(out('metrics.json'), JSON.stringify({ metrics: { logLoss: 0.3, rocAuc: null, 'no name': 1 } }));
  },
  exit() {
    console.error(`exit as told (attempt ${job.attempt})`);
    process.exit(job.params.code);
  },
  'exit-once'() {
    if (job.attempt === 1) process.exit(75);
    modes.good();
  },
  crash() {
    console.error('about to crash');
    process.kill(process.pid, 'SIGSEGV');
    forever();
  },
  'out-of-memory'() {
    process.kill(process.pid, 'SIGKILL');
    forever();
  },
  hang() {
    console.error('hanging');
    process.on('SIGTERM', () => undefined);
    const child = sleeper({ stdio: ['ignore', 'inherit', 'inherit'] });
    writeFileSync(marker, `${process.pid} ${child.pid}`);
    forever();
  },
  orphan() {
    const child = sleeper({ stdio: ['ignore', 'inherit', 'inherit'] });
    writeFileSync(marker, `${child.pid}`);
    child.unref();
    modes.good();
  },
  rubbish() {
    process.stdout.write('x'.repeat(1_000_000));
    process.stdout.write(
      '\n{"type":\nnull\n[1]\n{"type":"progress","progress":"much"}\n{"type":"progress","stage":7,"progress":9}\n',
    );
    process.stderr.write('y'.repeat(100_000));
    modes.good();
  },
  'no-model'() {},
  'linked-model'() {
    symlinkSync(model, out('model.onnx'));
  },
  'no-onnx'() {
    writeFileSync(out('model.onnx'), 'this is no model');
  },
  huge() {
    writeFileSync(out('model.onnx'), '');
    truncateSync(out('model.onnx'), job.params.bytes);
  },
  'look-around'() {
    const seen = { env: Object.keys(process.env).sort(), cwd: process.cwd(), home: process.env.HOME, job };
    writeFileSync(marker, JSON.stringify(seen));
    writeFileSync(job.data.train, 'changed');
    modes.good();
  },
};
if (!existsSync(job.data.train) || !modes[mode]) process.exit(64);
modes[mode]();
