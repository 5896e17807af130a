import { z } from 'zod';
import { name } from './fields.js';
import { data, labeling, model, owners } from './schema-data.js';
import { approvals, manual, triggerPolicy, triggers } from './schema-decision.js';
import { rollout } from './schema-rollout.js';
import { evaluation, monitoring, selection, training } from './schema-training.js';

const webhook = z
  .string()
  .max(2_000)
  .regex(/^https?:\/\/[^\s]+$/, 'a webhook is an http or https address')
  .refine(isSafeWebhook, 'a webhook is an https address without user or password (http only to this machine)');

function isSafeWebhook(text: string): boolean {
  const url = URL.parse(text);
  if (!url || url.username !== '' || url.password !== '') return false;
  return url.protocol === 'https:' || ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
}

const notifications = z
  .array(
    z.strictObject({
      on: z
        .array(
          z.enum([
            'BatchQuarantined',
            'DecisionMade',
            'CycleStarted',
            'CycleFinished',
            'LabelCampaignOpened',
            'LabelCampaignExtended',
            'ApprovalRequested',
            'ApprovalClosed',
            'RolloutFinished',
            'ChampionChanged',
            'IncidentOpened',
            'AnnotatorPaused',
          ]),
        )
        .min(1)
        .max(20)
        .describe('Events that are told.'),
      to: z
        .union([
          z.literal('log'),
          z.strictObject({ webhook: webhook.describe('Address that gets a CloudEvent as JSON.') }),
        ])
        .describe('Where to: the log, or a webhook.'),
    }),
  )
  .max(20)
  .default([])
  .describe('Who is told what.');

/** The blocks of `spec`, each with its schema. */
export const specBlocks = {
  suspend: z.boolean().default(false).describe('Starts no new cycles; running ones go on.'),
  time: z
    .enum(['EventTime', 'WallClock'])
    .describe("What policy time follows: the pipeline's watermark, or the clock on the wall."),
  owners,
  model,
  data,
  labeling: labeling.optional(),
  triggers,
  manual: manual.default({ roles: ['operator', 'admin'] }),
  triggerPolicy,
  training,
  selection,
  evaluation,
  approvals,
  rollout,
  monitoring,
  notifications,
};

/** The whole document, everything unknown refused. */
export const pipelineDocument = z
  .strictObject({
    apiVersion: z.literal('rondo.dev/v1').describe('Version of this schema.'),
    kind: z.literal('Pipeline').describe('Kind of document.'),
    metadata: z.strictObject({ name: name().describe('Name of the pipeline.') }).describe('Identity.'),
    spec: z.strictObject(specBlocks).describe('The policy.'),
  })
  .describe('Everything Rondo has to know to keep one model fresh.');

/** The document as authors write it. */
export type PipelineDocument = z.input<typeof pipelineDocument>;
/** The document after reading: defaults filled in. */
export type ReadDocument = z.output<typeof pipelineDocument>;
/** `spec` after reading. */
export type ReadSpec = ReadDocument['spec'];
