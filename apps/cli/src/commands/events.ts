import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  AnnounceArrivalSchema,
  AuditService,
  DataService,
  VerifyAuditResponseSchema,
  type AnnounceArrival,
  type VerifyAuditResponse,
} from '@rondo/contracts';
import { messageOf, PermanentError } from '@rondo/kernel';
import type { Command } from 'commander';
import { EXIT, Ended } from '../exit-codes.js';
import { messageJson, type Shape } from '../output.js';
import { collect, limitOf } from '../paging.js';
import type { Action } from '../program.js';
import { momentMs, type Session } from '../session.js';
import { auditShape } from '../shapes.js';
import { countText } from '../words.js';
import { waitForFate } from './wait.js';

interface SendOptions {
  readonly file?: string;
  readonly pipeline?: string;
  readonly uri?: string;
  readonly start?: string;
  readonly end?: string;
  readonly id?: string;
  readonly source: string;
}

const EVENT_BYTES_MAX = 1_048_576;

/** `event send`, `event wait` and `audit …`. */
export function eventCommands(program: Command, action: Action): void {
  auditCommands(program, action);
  const event = program.command('event').description('announce data');
  event
    .command('wait')
    .description(
      'wait until an event has its fate (not yet: Pending, Scheduled); exit 1 when its data was refused, 124 after --timeout',
    )
    .argument('<event>', 'id of the event')
    .requiredOption('-p, --pipeline <name>')
    .action(
      action(async (session, eventId: string, options: { pipeline: string }) => {
        await waitForFate(session, eventId, options.pipeline);
      }, 1),
    );
  event
    .command('send')
    .description('send announcements from a file of CloudEvents, or one from the flags')
    .option(
      '-f, --file <path>',
      'a CloudEvent (dev.rondo.data.arrived.v1) as JSON, or an array of them; - for standard input',
    )
    .option('-p, --pipeline <name>')
    .option('--uri <uri>', 'where the data lies')
    .option('--start <moment>', 'start of the data interval')
    .option('--end <moment>', 'end of the data interval (exclusive)')
    .option('--id <id>', 'id of the event (default: a fresh one)')
    .option('--source <source>', 'who announces', 'rondo-cli')
    .action(action((session, options: SendOptions) => send(session, options)));
}

/** For machines; people get a sentence. */
const verificationShape: Shape<VerifyAuditResponse> = {
  kind: 'verification',
  json: messageJson(VerifyAuditResponseSchema),
  name: ({ intact, brokenAt }) => (intact ? 'intact' : brokenAt),
  columns: [],
};

function auditCommands(program: Command, action: Action): void {
  const audit = program.command('audit').description('what was decided by whom, unaltered');
  audit
    .command('list')
    .description('entries, the newest first')
    .option('-p, --pipeline <name>', 'only of this pipeline', '')
    .option('--cycle <id>', 'only of this cycle', '')
    .option('--actor <id>', 'only by this actor', '')
    .option('--limit <n>', 'at most so many', '100')
    .action(
      action(async (session, options: { pipeline: string; cycle: string; actor: string; limit: string }) => {
        const client = await session.client(AuditService);
        const filter = { pipeline: options.pipeline, cycleId: options.cycle, actor: options.actor };
        const { items, hasMore } = await collect(limitOf(options.limit), async (page) => {
          const { entries, nextPageToken } = await client.listAuditEntries({ ...filter, ...page });
          return { items: entries, nextPageToken };
        });
        session.list(auditShape, items);
        if (hasMore) session.note(`only the newest ${countText(items.length)}; --limit shows more`);
      }),
    );
  audit
    .command('verify')
    .description('recompute every hash; exit 1 when something was altered')
    .action(
      action(async (session) => {
        const result = await (await session.client(AuditService)).verifyAudit({}, { timeoutMs: session.timeoutMs });
        const found = `${countText(result.entries)} entries in ${countText(result.streams)} streams`;
        if (session.flags.output === 'table')
          session.around.out(
            result.intact ? `intact: ${found}\n` : `ALTERED at ${result.brokenAt}: ${result.explanation} (${found})\n`,
          );
        else session.one(verificationShape, result);
        if (!result.intact) throw new Ended(EXIT.no);
      }),
    );
}

async function send(session: Session, options: SendOptions): Promise<void> {
  const announcements =
    options.file === undefined ? [fromFlags(session, options)] : await fromFile(session, options.file);
  const client = await session.client(DataService);
  for (const announcement of announcements) {
    const { batchId, duplicate } = await client.announce(announcement);
    session.around.out(
      `event/${announcement.eventId} ${duplicate ? 'is a duplicate of' : 'accepted as'} batch ${batchId}\n`,
    );
  }
  session.note(`next: rondo get events -p ${announcements[0]?.pipeline ?? ''}`);
}

function fromFlags(session: Session, options: SendOptions): AnnounceArrival {
  const { pipeline, uri, start, end } = options;
  const missing = Object.entries({ pipeline, uri, start, end }).find(([, value]) => value === undefined);
  if (missing)
    throw new PermanentError('invalid', `event send needs --${missing[0]}, or -f`, {
      field: missing[0],
      rule: '--pipeline, --uri, --start and --end together',
    });
  const interval = {
    start: timestampFromMs(momentMs(start!, 'start')),
    end: timestampFromMs(momentMs(end!, 'end')),
  };
  return create(AnnounceArrivalSchema, {
    pipeline: pipeline!,
    uri: uri!,
    eventId: options.id ?? session.around.ids.next(),
    eventSource: options.source,
    dataInterval: interval,
    announcedAt: timestampFromMs(session.around.clock.now()),
  });
}

async function fromFile(session: Session, file: string): Promise<AnnounceArrival[]> {
  const text = file === '-' ? await session.around.readStdin() : readEvents(resolve(session.around.cwd, file));
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new PermanentError('invalid', `${file} is not JSON: ${messageOf(cause)}`, {
      field: 'file',
      value: file,
      rule: 'JSON',
      cause,
    });
  }
  return (Array.isArray(parsed) ? parsed : [parsed]).map((event: unknown, index) =>
    announcementOf(event, `[${index}]`),
  );
}

function readEvents(path: string): string {
  try {
    if (statSync(path).size > EVENT_BYTES_MAX) throw new Error(`it is larger than ${EVENT_BYTES_MAX} bytes`);
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new PermanentError('invalid', `cannot read ${path}: ${messageOf(cause)}`, {
      field: 'file',
      value: path,
      rule: 'a readable file',
      cause,
    });
  }
}

const DATA_ARRIVED = 'dev.rondo.data.arrived.v1';
const DATA_FIELDS = ['pipeline', 'uri', 'dataInterval', 'contentDigest', 'dedupeKey'];

/** What a CloudEvent announces; whatever its data says is sent or refused, never left out. */
function announcementOf(event: unknown, at: string): AnnounceArrival {
  const refuse = (path: string, value: unknown, message: string, rule: string): never => {
    throw new PermanentError('invalid', `event ${at} ${message}`, { field: `${at}.${path}`, value, rule });
  };
  const valueAt = (path: string): unknown =>
    path
      .split('.')
      .reduce<unknown>(
        (from, key) =>
          from !== null && typeof from === 'object' && Object.hasOwn(from, key)
            ? (from as Record<string, unknown>)[key]
            : undefined,
        event,
      );
  const text = (path: string, value = valueAt(path)): string =>
    typeof value === 'string'
      ? value
      : refuse(path, value, `has no text at ${path}`, `CloudEvents 1.0, type ${DATA_ARRIVED}`);
  const optional = (path: string): string => (valueAt(path) === undefined ? '' : text(path));
  const moment = (path: string) => timestampFromMs(momentMs(text(path), `${at}.${path}`));
  if (text('type') !== DATA_ARRIVED) refuse('type', text('type'), `is a ${text('type')}`, DATA_ARRIVED);
  for (const [key, value] of Object.entries(valueAt('data') ?? {}))
    if (!DATA_FIELDS.includes(key))
      refuse(`data.${key}`, value, `has an unknown field ${key}`, `one of ${DATA_FIELDS.join(', ')}`);
  return create(AnnounceArrivalSchema, {
    pipeline: text('data.pipeline'),
    uri: text('data.uri'),
    eventId: text('id'),
    eventSource: text('source'),
    dataInterval: { start: moment('data.dataInterval.start'), end: moment('data.dataInterval.end') },
    announcedAt: moment('time'),
    contentDigest: optional('data.contentDigest'),
    dedupeKey: optional('data.dedupeKey'),
  });
}
