export {
  fact,
  journalContract,
  textOf,
  type JournalTraits,
  type JournalUnderTest,
  type Tampering,
} from './journal-contract.js';
export { RecordingBus } from './recording-bus.js';
