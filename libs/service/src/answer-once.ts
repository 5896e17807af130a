import { createHash } from 'node:crypto';
import { fromBinary, toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import type { Journal, Outgoing, Unit } from '@rondo/journal';
import { assert, PermanentError } from '@rondo/kernel';

/** A request that changes something, as the caller identified it. */
export interface IdempotentRequest<I extends DescMessage> {
  readonly method: string;
  /** UUID chosen by the caller. */
  readonly requestId: string;
  readonly schema: I;
  readonly request: MessageShape<I>;
  /** Principal, for the audit. */
  readonly actor: string;
  readonly traceparent?: string;
  /** Facts to record with the answer, for example `OverrideRequested`. */
  readonly outgoing?: readonly Outgoing[];
}

interface AnsweredRequest {
  readonly method: string;
  readonly fingerprint: string;
  /** The answer in protobuf, base64. */
  readonly answer: string;
}

const KIND = 'answered-request';

/**
 * Carries out a request once. The same request id with the same arguments gets the stored answer without any effect; with
 * other arguments it is refused (`invalid`, reason REQUEST_ID_REUSED). A request that fails leaves no trace and may be sent again.
 */
export async function answerOnce<I extends DescMessage, O extends DescMessage>(
  journal: Journal,
  incoming: IdempotentRequest<I>,
  answerSchema: O,
  work: (unit: Unit) => Promise<MessageShape<O>>,
): Promise<MessageShape<O>> {
  const { method, requestId, actor, traceparent, outgoing } = incoming;
  const fingerprint = createHash('sha256')
    .update(method)
    .update(toBinary(incoming.schema, incoming.request))
    .digest('hex');
  const cause = { consumer: 'rpc', messageId: requestId, actor, ...(traceparent && { traceparent }) };
  const done = await journal.once(cause, async (unit) => {
    const answer = await work(unit);
    const state: AnsweredRequest = {
      method,
      fingerprint,
      answer: Buffer.from(toBinary(answerSchema, answer)).toString('base64'),
    };
    unit.save<AnsweredRequest>({ kind: KIND, id: requestId, state, ...(outgoing && { outgoing }) });
    return answer;
  });
  if (done.outcome === 'done') return done.value;
  const stored = await journal.load<AnsweredRequest>(KIND, requestId);
  assert(stored, `request ${requestId} was carried out but its answer is missing`);
  if (stored.state.fingerprint !== fingerprint) {
    throw new PermanentError(
      'invalid',
      `request id ${requestId} was used before by ${stored.state.method} with other arguments`,
      {
        field: 'request_id',
        value: requestId,
        rule: 'a request id belongs to one request',
        reason: 'REQUEST_ID_REUSED',
      },
    );
  }
  return fromBinary(answerSchema, Buffer.from(stored.state.answer, 'base64'));
}

/** Version tag of a document as callers see it. */
export const etagOf = (version: number): string => `v${version}`;

/** Refuses a change of something that moved since the caller looked; `force` says that the caller knows. */
export function checkEtag(
  given: string,
  version: number,
  options: { readonly what: string; readonly force?: boolean },
): void {
  if (options.force === true) return;
  const current = etagOf(version);
  if (given === current) return;
  const told = given === '' ? 'no etag was given' : `you looked at ${given}`;
  throw new PermanentError('conflict', `${options.what} is at ${current}, ${told}: look again and repeat`, {
    field: 'etag',
    value: given,
    rule: `must equal ${current}`,
    reason: 'ETAG_MISMATCH',
  });
}
