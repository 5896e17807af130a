import type { ArtifactStore } from '@rondo/artifacts';
import { Engine, identifier, literal, scanOf } from '@rondo/datasets';
import { PermanentError, type Json } from '@rondo/kernel';
import type { ReviewColumns, ReviewRows, ReviewTable } from '../ports/review-rows.js';

const MEMORY_MB = 256;
const ROWS_MAX = 200_000;

/** Review rows in a Parquet artifact, read by the given engine or by one of its own. */
export class DatasetReviewRows implements ReviewRows {
  private readonly own = new Engine({ threads: 1, memoryMb: MEMORY_MB });
  private readonly engine: Engine;

  constructor(
    private readonly artifacts: ArtifactStore,
    engine?: Engine,
  ) {
    this.engine = engine ?? this.own;
  }

  read(digest: string, columns: ReviewColumns, signal: AbortSignal): Promise<ReviewTable> {
    return this.artifacts.withFile(digest, async (path) => {
      const { rows } = await this.engine.inspect(path);
      if (rows > ROWS_MAX) {
        throw new PermanentError(
          'out-of-range',
          `the review artifact holds ${rows} rows, at most ${ROWS_MAX} are read`,
          {
            field: 'review_artifact',
            value: rows,
            rule: `at most ${ROWS_MAX} rows`,
          },
        );
      }
      const options = { orderBy: [columns.key], signal };
      const rowKeys = await this.engine.readKeys(path, columns.key, options);
      const reasons = await this.engine.readStrings(path, columns.reviewReason, options);
      const { values } = await this.engine.readMatrix(path, columns.features, options);
      const knownAnswers =
        columns.gold === undefined
          ? rowKeys.map(() => null)
          : (await this.engine.readStrings(path, columns.gold, options)).map((text) =>
              knownAnswer(columns.gold!, text),
            );
      return { rowKeys, reviewReasons: reasons.map((reason) => reason ?? ''), knownAnswers, features: values };
    });
  }

  show(digest: string, columns: ReviewColumns, rowKeys: readonly string[], signal: AbortSignal): Promise<Json[]> {
    if (rowKeys.length === 0) return Promise.resolve([]);
    return this.artifacts.withFile(digest, async (path) => {
      const hidden = new Set([columns.key, columns.reviewReason, columns.target, columns.gold]);
      const { columns: all } = await this.engine.inspect(path);
      const shown = all.map((column) => column.name).filter((name) => !hidden.has(name));
      const key = `${identifier(columns.key)}::VARCHAR`;
      const what = [`${key} AS rondo_row_key`, ...shown.map(identifier)].join(', ');
      const wanted = rowKeys.map(literal).join(', ');
      const found = await this.engine.query(
        `SELECT ${what} FROM ${scanOf(path, 'parquet')} WHERE ${key} IN (${wanted})`,
        signal,
      );
      const byKey = new Map(found.map(({ rondo_row_key: rowKey, ...row }) => [String(rowKey), row]));
      return rowKeys.map((rowKey) => byKey.get(rowKey) ?? {});
    });
  }

  async onModuleDestroy(): Promise<void> {
    await this.own.close();
  }
}

const ANSWERS: Readonly<Record<string, string>> = { '1': '1', '1.0': '1', true: '1', '0': '0', '0.0': '0', false: '0' };

function knownAnswer(column: string, text: string | null): string | null {
  if (text === null) return null;
  const answer = ANSWERS[text];
  if (answer !== undefined) return answer;
  const rule = '1 or true, 0 or false, or null';
  throw new PermanentError('invalid', `the known answer ${column} is "${text}": must be ${rule}`, {
    field: `spec.labeling.gold.column`,
    value: text,
    rule,
  });
}
