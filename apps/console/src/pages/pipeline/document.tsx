import { Button, Textarea } from '@mantine/core';
import type { DiffPipelineResponse, DocumentChange, DocumentProblem, Pipeline } from '@rondo/contracts';
import { useState, type ReactNode } from 'react';
import { api } from '../../api/client.js';
import { problemOf, type Problem } from '../../api/errors.js';
import { RoleButton } from '../../app/who.js';
import { CopyButton } from '../../ui/copy.js';
import { Card, Table } from '../../ui/layout.js';
import { ReasonDialog } from '../../ui/reason-dialog.js';
import { Empty, ProblemNote } from '../../ui/states.js';

type Files = Record<string, Uint8Array<ArrayBuffer>>;

function Problems({ problems }: { readonly problems: readonly DocumentProblem[] }): ReactNode {
  return (
    <Table caption="Problems of the document" head={['Where', 'Path', 'Problem', 'Rule']}>
      {problems.map((problem, index) => (
        <tr key={index}>
          <td className="rd-nowrap">
            {problem.line > 0 ? `line ${String(problem.line)}, column ${String(problem.column)}` : 'whole document'}
          </td>
          <td>
            <code>{problem.path}</code>
          </td>
          <td className="rd-words">{problem.message}</td>
          <td>
            <code>{problem.rule}</code>
          </td>
        </tr>
      ))}
    </Table>
  );
}

function Changes({ changes }: { readonly changes: readonly DocumentChange[] }): ReactNode {
  if (changes.length === 0) return <Empty title="No difference to the admitted document." />;
  return (
    <Table caption="Changes" head={['Path', 'Now', 'Then']}>
      {changes.map((change) => (
        <tr key={change.path}>
          <td>
            <code>{change.path}</code>
          </td>
          <td>
            <code>{change.fromJson || 'absent'}</code>
          </td>
          <td>
            <code>{change.toJson || 'absent'}</code>
          </td>
        </tr>
      ))}
    </Table>
  );
}

async function readFiles(list: FileList | null): Promise<Files> {
  const entries = await Promise.all(
    [...(list ?? [])].map(async (file) => [file.name, new Uint8Array(await file.arrayBuffer())] as const),
  );
  return Object.fromEntries(entries);
}

function ApplyForm({ pipeline }: { readonly pipeline: Pipeline }): ReactNode {
  const [text, setText] = useState(pipeline.document);
  const [files, setFiles] = useState<Files>({});
  const [diff, setDiff] = useState<DiffPipelineResponse>();
  const [problem, setProblem] = useState<Problem>();
  const [applying, setApplying] = useState(false);
  const check = async (): Promise<void> => {
    setProblem(undefined);
    try {
      setDiff(await api.pipelines.diffPipeline({ document: text, files }));
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  const apply = async (changeReason: string, requestId: string): Promise<void> => {
    const answer = await api.pipelines.applyPipeline({ document: text, files, changeReason, requestId });
    if (answer.outcome === 'refused') {
      setDiff(await api.pipelines.diffPipeline({ document: text, files }));
      throw new Error(`Refused with ${String(answer.problems.length)} problems; they are listed on the page.`);
    }
    setDiff(undefined);
  };
  const clean =
    diff !== undefined && diff.problems.length === 0 && (diff.changes.length > 0 || Object.keys(files).length > 0);
  return (
    <Card title="Change it" note="check first: the server lists every problem and every difference">
      <Textarea
        label="Changed document (YAML)"
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setDiff(undefined);
        }}
        rows={16}
        spellCheck={false}
        styles={{ input: { fontFamily: 'var(--rd-mono)', fontSize: 12 } }}
      />
      <label className="rd-stack">
        <span>Files the document names (contract, SQL); those not chosen stay as they are</span>
        <input type="file" multiple onChange={(event) => void readFiles(event.currentTarget.files).then(setFiles)} />
        {Object.keys(files).length > 0 && <span className="rd-muted">{Object.keys(files).join(', ')}</span>}
      </label>
      <div className="rd-actions">
        <Button size="xs" variant="default" onClick={() => void check()} disabled={text.trim() === ''}>
          Check
        </Button>
        <RoleButton needs="operator" primary disabled={!clean} onClick={() => setApplying(true)}>
          Apply…
        </RoleButton>
        {diff === undefined && <span className="rd-muted">Apply opens after a check without problems.</span>}
      </div>
      {problem !== undefined && <ProblemNote problem={problem} />}
      {diff !== undefined && diff.problems.length > 0 && <Problems problems={diff.problems} />}
      {diff !== undefined && diff.problems.length === 0 && <Changes changes={diff.changes} />}
      <ReasonDialog
        opened={applying}
        onClose={() => setApplying(false)}
        title={`Apply a new generation of ${pipeline.name}`}
        does={[
          `Admits the document as generation ${String(pipeline.generation + 1n)}: ${String(diff?.changes.length ?? 0)} differences.`,
          'A cycle that runs keeps the generation it started with.',
          'To go back, apply the earlier document again.',
        ]}
        confirm="Apply"
        act={apply}
        done="The document was admitted."
      />
    </Card>
  );
}

/** The admitted document and the form that changes it. */
export function DocumentTab({ pipeline }: { readonly pipeline: Pipeline }): ReactNode {
  return (
    <div className="rd-grid" data-wide="true">
      <Card
        title={`Generation ${String(pipeline.generation)}`}
        note="as admitted"
        actions={
          <CopyButton text={pipeline.document} label="the document">
            <span>Copy</span>
          </CopyButton>
        }
      >
        <pre className="rd-code" tabIndex={0} aria-label="Admitted document">
          {pipeline.document}
        </pre>
      </Card>
      <ApplyForm key={pipeline.etag} pipeline={pipeline} />
    </div>
  );
}
