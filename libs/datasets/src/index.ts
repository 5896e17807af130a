export {
  Engine,
  ENGINE_VERSION,
  type EngineOptions,
  type FileColumns,
  type FileShape,
  type NumberColumns,
  type NumberMatrix,
  type ReadOptions,
} from './engine.js';
export { readable, scanOf } from './files.js';
export { checkFile, checkParquet, type FileFormat } from './file-checks.js';
export {
  runFeatureSql,
  checkFeatureSql,
  type DataFinding,
  type FeatureSqlRequest,
  type FeatureSqlResult,
} from './feature-sql.js';
export {
  profile,
  histogram,
  type CategoryProfile,
  type ColumnProfile,
  type Histogram,
  type NumericProfile,
  type ProfileOptions,
} from './profile.js';
export { identifier, identifiers, literal, timestampLiteral } from './sql-text.js';
export type { PackedTexts } from './texts.js';
export type { JsonRow } from './session.js';
