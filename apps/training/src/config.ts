import { defineConfig, type ConfigOf } from '@rondo/config';

/** Settings of the training service. */
export const trainingConfig = defineConfig({
  trainerPrograms: {
    type: 'list',
    default: '',
    help: 'Programs that pipeline documents may run as trainers (exact first word of `command`); empty allows none.',
  },
  trainerFolder: { type: 'string', default: '.', help: 'Folder in which trainer programs run.' },
  trainerParallelism: {
    type: 'int',
    default: '2',
    min: 1,
    max: 64,
    help: 'Candidates trained at once in this process.',
  },
  trainerCpus: { type: 'int', default: '1', min: 1, max: 64, help: 'Processors one trainer may use.' },
  modelBytes: {
    type: 'bytes',
    default: '64MiB',
    min: 1024,
    max: 1073741824,
    help: 'Largest model file that is accepted.',
  },
});

export type TrainingConfig = ConfigOf<typeof trainingConfig>;
