import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { create } from '@bufbuild/protobuf';
import {
  ApplyPipelineRequestSchema,
  PipelineService,
  type ApplyPipelineRequest,
  type DocumentProblem,
} from '@rondo/contracts';
import { messageOf, PermanentError } from '@rondo/kernel';
import type { Command } from 'commander';
import { EXIT, Ended } from '../exit-codes.js';
import type { Action } from '../program.js';
import type { Session } from '../session.js';
import { pipelineShape } from '../shapes.js';
import { dryText, plainText } from '../words.js';

const DOCUMENT_BYTES_MAX = 262_144;
const FILE_BYTES_MAX = 1_048_576;

type Problem = Pick<DocumentProblem, 'path' | 'message' | 'line' | 'column' | 'rule'>;

interface Submitted {
  /** As the user named it, for messages. */
  readonly label: string;
  readonly document: string;
  readonly files: Record<string, Uint8Array<ArrayBuffer>>;
}

/** `apply`, `diff` and `validate`: pipeline documents together with the files they name. */
export function fileCommands(program: Command, action: Action): void {
  program
    .command('apply')
    .description('admit pipeline documents as a whole, or list every problem')
    .requiredOption('-f, --file <path>', 'document, folder of documents, or - for standard input')
    .option('--dry-run', 'check on the server and change nothing')
    .option('--reason <text>', 'why it changes', '')
    .action(
      action(async (session, options: { file: string; dryRun?: boolean; reason: string }) => {
        for (const submitted of await readSubmissions(session, options.file)) await apply(session, submitted, options);
      }),
    );
  program
    .command('diff')
    .description('show what apply would change; exit 1 when something would')
    .requiredOption('-f, --file <path>', 'document, folder of documents, or -')
    .action(
      action(async (session, options: { file: string }) => {
        let differs = false;
        for (const submitted of await readSubmissions(session, options.file))
          differs = (await diff(session, submitted)) || differs;
        if (differs) throw new Ended(EXIT.no);
      }),
    );
  program
    .command('validate')
    .description('check documents here, without a server; exit 1 when something is wrong')
    .requiredOption('-f, --file <path>', 'document, folder of documents, or -')
    .action(
      action(async (session, options: { file: string }) => {
        const { admitPipeline } = await import('@rondo/policy');
        let isBad = false;
        for (const { label, document, files } of await readSubmissions(session, options.file)) {
          const admission = admitPipeline({ document, files });
          if (admission.ok) session.around.out(`${label}: valid\n`);
          else isBad = reportProblems(session, label, admission.problems);
        }
        if (isBad) throw new Ended(EXIT.no);
      }),
    );
}

async function apply(
  session: Session,
  submitted: Submitted,
  options: { readonly dryRun?: boolean; readonly reason: string },
): Promise<void> {
  const client = await session.client(PipelineService);
  const response = await client.applyPipeline({
    ...requestOf(submitted),
    changeReason: options.reason,
    validateOnly: options.dryRun ?? false,
    requestId: session.requestId(),
  });
  if (response.problems.length > 0 || response.outcome === 'refused') {
    reportProblems(session, submitted.label, response.problems);
    throw new Ended(EXIT.no);
  }
  if (!response.pipeline) {
    // A dry run has no generation to show.
    session.around.out(`${submitted.label}: would be ${response.outcome}${dryText(true)}\n`);
    return session.note(`next: rondo diff -f ${submitted.label}`);
  }
  const { name, generation } = response.pipeline;
  session.changed(
    pipelineShape,
    response.pipeline,
    `pipeline/${name} ${response.outcome}, generation ${generation}${dryText(options.dryRun ?? false)}`,
    `rondo status ${name}`,
  );
}

async function diff(session: Session, submitted: Submitted): Promise<boolean> {
  const client = await session.client(PipelineService);
  const { changes, problems } = await client.diffPipeline(requestOf(submitted));
  if (problems.length > 0) {
    reportProblems(session, submitted.label, problems);
    return true;
  }
  for (const change of changes) {
    session.around.out(`${plainText(change.path)}\n`);
    if (change.fromJson !== '') session.around.out(`  - ${plainText(change.fromJson)}\n`);
    if (change.toJson !== '') session.around.out(`  + ${plainText(change.toJson)}\n`);
  }
  return changes.length > 0;
}

function requestOf({ document, files }: Submitted): ApplyPipelineRequest {
  return create(ApplyPipelineRequestSchema, { document, files });
}

function reportProblems(session: Session, label: string, problems: readonly Problem[]): true {
  session.note(`${label}: ${problems.length} problem${problems.length === 1 ? '' : 's'}`);
  for (const problem of problems) {
    const place = problem.line > 0 ? `${label}:${problem.line}:${problem.column}` : label;
    session.note(
      plainText(
        `  ${place}  ${problem.path === '' ? '(document)' : problem.path}: ${problem.message} [${problem.rule}]`,
      ),
    );
  }
  return true;
}

async function readSubmissions(session: Session, file: string): Promise<Submitted[]> {
  const { cwd } = session.around;
  if (file === '-') return [await submission('standard input', await session.around.readStdin(), cwd)];
  const path = resolve(cwd, file);
  const paths = read(() => statSync(path), file).isDirectory() ? documentsIn(path) : [path];
  if (paths.length === 0) {
    throw new PermanentError('invalid', `${file} holds no pipeline document`, {
      field: 'file',
      value: file,
      rule: 'a .yaml, .yml or .json with kind: Pipeline',
    });
  }
  return Promise.all(
    paths.map((found) =>
      submission(join(file, relative(path, found)), readText(found, DOCUMENT_BYTES_MAX), dirname(found)),
    ),
  );
}

function documentsIn(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => /\.(ya?ml|json)$/.test(name));
  return names
    .sort()
    .map((name) => join(folder, name))
    .filter(
      (path) =>
        statSync(path).size <= DOCUMENT_BYTES_MAX &&
        /^\s*"?kind"?:\s*"?Pipeline"?\s*(,|#.*)?$/m.test(readFileSync(path, 'utf8')),
    );
}

/** Only files beside or below the document are sent: a document from elsewhere must not be able to collect others. */
async function submission(label: string, document: string, folder: string): Promise<Submitted> {
  const { filesNamedBy } = await import('@rondo/policy');
  const files: Record<string, Uint8Array<ArrayBuffer>> = {};
  for (const name of filesNamedBy(document)) {
    const path = resolve(folder, name);
    const inside = relative(folder, path);
    if (isAbsolute(name) || inside.startsWith('..') || isAbsolute(inside)) {
      throw new PermanentError('invalid', `${label} names the file ${name}, which lies outside its folder`, {
        field: 'file',
        value: name,
        rule: 'a path below the document',
      });
    }
    files[name] = Uint8Array.from(readBytes(path, FILE_BYTES_MAX, `, which ${label} names`));
  }
  return { label, document, files };
}

const readText = (path: string, bytesMax: number): string => readBytes(path, bytesMax).toString('utf8');

/** @param who says of errors what asked for the file */
function readBytes(path: string, bytesMax: number, who = ''): Buffer {
  const { size } = read(() => statSync(path), path, who);
  if (size > bytesMax)
    throw new PermanentError('invalid', `${path}${who} has ${size} bytes`, {
      field: 'file',
      value: path,
      rule: `at most ${bytesMax} bytes`,
    });
  return read(() => readFileSync(path), path, who);
}

function read<T>(work: () => T, path: string, who = ''): T {
  try {
    return work();
  } catch (cause) {
    throw new PermanentError('invalid', `cannot read ${path}${who}: ${messageOf(cause)}`, {
      field: 'file',
      value: path,
      rule: 'a readable file',
      cause,
    });
  }
}
