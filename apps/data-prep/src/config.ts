import { defineConfig, type ConfigOf } from '@rondo/config';

/** Settings of data-prep. */
export const dataPrepConfig = defineConfig({
  dataRoots: {
    type: 'list',
    default: 'data/inbox',
    help: 'Folders below which announced files and reference tables may lie.',
  },
  dataS3Roots: {
    type: 'list',
    default: '',
    help: 'Prefixes s3://bucket/prefix/ below which announced objects may lie, at the server and with the keys of the artifacts; only in a process of its own.',
  },
  dataThreads: {
    type: 'int',
    default: '1',
    min: 1,
    max: 64,
    help: 'Threads of the data engine; results do not depend on it.',
  },
  dataParallelism: {
    type: 'int',
    default: '2',
    min: 1,
    max: 64,
    help: 'Batches, of different pipelines, that are read at once; the features of each may use the memory of the data engine once more.',
  },
  dataMemoryBytes: { type: 'bytes', default: '1GiB', min: 134_217_728, help: 'Memory the data engine may use.' },
  dataStatementMs: {
    type: 'duration',
    default: '60s',
    min: 1_000,
    help: 'Longest time one statement over a batch may take, feature SQL included.',
  },
  dataFileBytes: { type: 'bytes', default: '1GiB', min: 1_024, help: 'Largest file that is read.' },
});

/** Value of {@link dataPrepConfig}. */
export type DataPrepConfig = ConfigOf<typeof dataPrepConfig>;
