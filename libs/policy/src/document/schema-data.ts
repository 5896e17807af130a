import { z } from 'zod';
import {
  anyDuration,
  column,
  count,
  file,
  name,
  number,
  positiveDuration,
  probability,
  share,
  text,
} from './fields.js';

const owner = z.strictObject({
  team: text(100).describe('Team that answers for the pipeline.'),
  contact: text(200).describe('Where to reach it: a channel, an address or a pager.'),
});

/** `spec.owners` */
export const owners = z.array(owner).min(1).max(10).describe('Who answers for this pipeline.');

/** `spec.model` */
export const model = z
  .strictObject({
    name: name().describe('Name under which versions are registered.'),
    task: z.literal('BinaryClassification').describe('What the model predicts: the probability of the positive class.'),
    target: z
      .strictObject({
        column: column().describe('Column of the feature rows that holds 1 or true, 0 or false, or null (not known).'),
        definition: text(500).describe('What the positive class means, in words people can judge by.'),
      })
      .describe('What is predicted.'),
    predictionTime: text(500).describe('The moment a prediction is made; a feature known only later is leakage.'),
  })
  .describe('The model that is kept fresh.');

const features = z
  .strictObject({
    sql: z
      .strictObject({
        file: file().describe('SELECT statement over the views `batch`, `context` and the tables below.'),
      })
      .describe('How feature rows are computed.'),
    tables: z
      .array(
        z.strictObject({
          name: column().describe('Name the SQL uses.'),
          uri: text(2_000).describe('Where the table lies: Parquet or CSV under an allowed root.'),
        }),
      )
      .max(20)
      .default([])
      .describe('Reference tables.'),
    key: column().describe(
      'Column that identifies a row; equal keys in one batch are refused. Callers who send it as `rondo_key` are told which features a worse log loss comes from.',
    ),
    eventTime: column().describe('Column with the event time of the feature row.'),
    reviewReason: column()
      .optional()
      .describe('Text column that says why people should look at the row; null when they need not.'),
    columns: z.array(column()).min(1).max(200).describe('Features in the order in which model and callers see them.'),
  })
  .describe('The feature view: the same SQL for training and serving.');

/** `spec.data` */
export const data = z
  .strictObject({
    source: z
      .strictObject({
        eventTimeColumn: column().describe('Column of the raw rows with their event time.'),
        lookback: anyDuration().describe('How far back `context` reaches before the batch begins.'),
      })
      .describe('What upstream delivers.'),
    contract: z
      .strictObject({ file: file().describe('Open Data Contract Standard (ODCS v3) document.') })
      .describe('What a batch must honour.'),
    onViolation: z
      .literal('Quarantine')
      .describe('A batch that breaks the contract waits for a person; nothing downstream sees it.'),
    features,
    window: positiveDuration().describe('Event time a snapshot spans, split included.'),
    split: z
      .strictObject({
        validation: positiveDuration().describe('Event time before the test part; candidates are ranked on it.'),
        test: positiveDuration().describe('The newest event time; opened by the evaluation alone.'),
        embargo: anyDuration().prefault('0s').describe('Event time left out before validation and before test.'),
      })
      .describe('Split by event time.'),
    maxTrainRows: count(100, 100_000_000).describe(
      'Most rows of the training part; above it rows are kept by an arithmetic hash of their key, the same ones every time.',
    ),
  })
  .describe('Which data a snapshot is made of.');

/** `spec.labeling` */
export const labeling = z
  .strictObject({
    maxItems: count(1, 10_000).describe('Most rows put before people in one cycle, the most uncertain first.'),
    controlShare: share()
      .default(0)
      .describe(
        "Share of them drawn at random from all rows with a reason instead: what the champion's suggestions are worth is estimated on these alone.",
      ),
    maxDuration: positiveDuration().describe('Time people have, by the clock on the wall.'),
    question: text(500).describe('What annotators are asked.'),
    classes: z
      .array(
        z.strictObject({
          value: z.enum(['0', '1']).describe('Value of the target.'),
          title: text(60).describe('What the button says.'),
        }),
      )
      .length(2)
      .describe('The possible answers, in the order shown.'),
    guideline: text(8_000).describe('How to decide, for annotators.'),
    annotatorsPerTask: count(1, 5)
      .default(1)
      .describe('Different people who answer each row; the majority counts, from 5 on a model of who errs.'),
    suggestions: z
      .strictObject({
        blindShare: share().describe(
          'Share of rows, chosen by a hash, whose suggestion stays hidden until the first answer: they show its pull.',
        ),
      })
      .describe("The champion's opinion as a suggestion."),
    gold: z
      .strictObject({
        column: column().describe(
          'Column of the feature rows with the known answer of a row that has a review reason: 1 or true, 0 or false, null where it is not known. It is never shown, and such rows are never labeled, only asked as gold tasks.',
        ),
        share: z
          .number()
          .gt(0)
          .max(0.5)
          .describe("Share of each annotator's tasks that are gold tasks; at most this share of `maxItems`."),
        minAccuracy: probability().describe(
          'Share of gold tasks an annotator must get right: below it with a probability of 99 %, after ten gold tasks or more, they are paused until a person lets them go on.',
        ),
      })
      .optional()
      .describe('Tasks whose answer is known, mixed among the others: they show how well each annotator works.'),
    quality: z
      .strictObject({
        minCoverage: share().describe('Least share of rows that must get a label.'),
        minAgreement: number(-1, 1)
          .optional()
          .describe(
            "Least Krippendorff's alpha, reached when the lower bound of its 95 % interval is, missed when the upper bound is below; needs two annotators per task. Between the two each task is asked to one more person, up to twice as many, while there is time; the labels are not used if that does not decide it. With perfect agreement 0.8 takes about 36 tasks.",
          ),
      })
      .describe('What the answers must reach to be used.'),
    onExhausted: z
      .enum(['ContinueWithout', 'Fail'])
      .describe(
        'When quality is not reached, or undecided at the end: go on without any review rows, or fail the cycle.',
      ),
  })
  .describe('Rows with a review reason are put before people; without this block they are left out.');
