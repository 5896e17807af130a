import { create } from '@bufbuild/protobuf';
import { inference } from '@rondo/contracts';
import { backoffMs, PermanentError, TransientError } from '@rondo/kernel';
import type { Client } from '@connectrpc/connect';
import type { DepartureHour } from './flight-source.js';

/** Where upstream speaks to. */
export interface UpstreamAddresses {
  /** Door of the control-plane, for example `http://127.0.0.1:4700`. */
  readonly door: string;
  /** HTTP of the inference gateway. */
  readonly gateway: string;
  readonly producerToken: string;
}

/** An announcement as upstream sends it. */
export interface Announcement {
  readonly id: string;
  readonly pipeline: string;
  /** Relative to the inbox, so that the same data is the same batch wherever Rondo keeps its files. */
  readonly uri: string;
  readonly contentDigest: string;
  readonly startMs: number;
  readonly endMs: number;
}

/** What became of one request. */
export interface Outcome {
  readonly requestId: string;
  /** When it was known. */
  readonly eventTimeMs: number;
  readonly hour: DepartureHour;
}

/** About a minute in all: longer than a restart takes. */
const ATTEMPTS = 15;
const AGAIN = { initialMs: 100, factor: 2, maxMs: 8_000 };
const LITTLE_ENDIAN_LENGTH_BYTES = 4;

/** BYTES elements of the Open Inference Protocol: each text after its length. */
function bytesTensor(texts: readonly string[]): Uint8Array {
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text) + LITTLE_ENDIAN_LENGTH_BYTES, 0);
  const out = Buffer.alloc(bytes);
  let at = 0;
  for (const text of texts) {
    const length = out.write(text, at + LITTLE_ENDIAN_LENGTH_BYTES);
    out.writeUInt32LE(length, at);
    at += LITTLE_ENDIAN_LENGTH_BYTES + length;
  }
  return out;
}

/** The upstream systems of the quickstart: they announce data, ask for predictions and report what happened. */
export class Upstream {
  constructor(
    private readonly addresses: UpstreamAddresses,
    private readonly serving: Client<typeof inference.GRPCInferenceService>,
    private readonly onPredict: (requestId: string) => void = () => undefined,
  ) {}

  /** Sends one CloudEvent over HTTP and fails unless it was taken. */
  async announce(announcement: Announcement): Promise<void> {
    const { id, pipeline, uri, contentDigest, startMs, endMs } = announcement;
    const event = {
      specversion: '1.0',
      id,
      source: 'urn:example:flight-operations',
      type: 'dev.rondo.data.arrived.v1',
      time: new Date(endMs).toISOString(),
      datacontenttype: 'application/json',
      data: {
        pipeline,
        uri,
        contentDigest,
        dataInterval: { start: new Date(startMs).toISOString(), end: new Date(endMs).toISOString() },
      },
    };
    await this.post(`${this.addresses.door}/v1/events`, 'application/cloudevents+json', event);
  }

  /** Asks for one hour of departures in one request. */
  async predict(endpoint: string, requestId: string, hour: DepartureHour): Promise<void> {
    const n = BigInt(hour.n);
    const width = BigInt(hour.features.length / Math.max(hour.n, 1));
    const { buffer, byteOffset, byteLength } = hour.features;
    this.onPredict(requestId);
    const request = create(inference.ModelInferRequestSchema, {
      modelName: endpoint,
      id: requestId,
      parameters: {
        event_time: { parameterChoice: { case: 'stringParam', value: new Date(hour.startMs).toISOString() } },
      },
      inputs: [
        { name: 'X', datatype: 'FP32', shape: [n, width] },
        { name: 'rondo_key', datatype: 'BYTES', shape: [n] },
      ],
      outputs: [{ name: 'probability' }],
      rawInputContents: [new Uint8Array(buffer, byteOffset, byteLength), bytesTensor(hour.keys)],
    });
    await patiently(() => this.serving.modelInfer(request));
  }

  /** Reports the outcomes of earlier requests in one call, null where none is known. */
  async reportOutcomes(endpoint: string, outcomes: readonly Outcome[]): Promise<void> {
    const entries = outcomes.map(({ requestId, eventTimeMs, hour }) => ({
      endpoint,
      request_id: requestId,
      event_time: new Date(eventTimeMs).toISOString(),
      labels: Array.from(hour.late, (late) => (Number.isNaN(late) ? null : late)),
    }));
    await this.post(`${this.addresses.gateway}/v1/labels`, 'application/json', entries);
  }

  private async post(url: string, contentType: string, body: unknown): Promise<void> {
    const headers = { 'content-type': contentType, authorization: `Bearer ${this.addresses.producerToken}` };
    const { response, text } = await patiently(async () => {
      const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) }).catch(
        (cause: unknown) => {
          throw new TransientError(`${url} cannot be reached`, { cause });
        },
      );
      if (answer.status === 503) throw new TransientError(`${url} is not available`);
      return { response: answer, text: await answer.text() };
    });
    if (response.status !== 202)
      throw new PermanentError('failed-precondition', `${url} answered ${response.status}: ${text.slice(0, 500)}`);
  }
}

/** Nothing counts twice, so what did not get through is sent again for a while. */
async function patiently<T>(send: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof TransientError) || attempt === ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, backoffMs(AGAIN, attempt, 0.5)));
    }
  }
}
