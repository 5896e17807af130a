import { Code, ConnectError, type ConnectRouter } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import {
  ApprovalService,
  AuditService,
  BatchState,
  CycleService,
  DataService,
  DriftService,
  EventService,
  IncidentService,
  LabelingService,
  ModelService,
  OperationsService,
  PipelineService,
  RolloutService,
  type OverrideRequest,
} from '@rondo/contracts';
import { readFileSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tellStory, type Story } from './story.js';

const DIST = fileURLToPath(new URL('../../dist', import.meta.url));
const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
};
/** What the front door sends: nothing inline, nothing from elsewhere, no nonce. */
export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const TOKEN = 'let-me-in';

/** One call that changed something. */
export interface RecordedCall {
  readonly method: string;
  readonly request: unknown;
}

const failure = (code: Code, message: string, reason: string, detail: Record<string, string> = {}): ConnectError =>
  new ConnectError(message, code, { 'x-rondo-error': JSON.stringify({ reason, ...detail }) });

const found = <T>(item: T | undefined, what: string): T => {
  if (item === undefined) throw failure(Code.NotFound, `There is no such ${what}.`, 'NOT_FOUND');
  return item;
};

/** A front door with the page, the API over {@link Story}, the stream and sign-in; loopback only. */
export class FakeServer {
  readonly calls: RecordedCall[] = [];
  story: Story = tellStory();
  roles: string[] = ['operator', 'annotator'];
  signedOut = false;
  /** Methods that fail with `unavailable`. */
  readonly broken = new Set<string>();
  private streams = new Set<ServerResponse>();
  private streamUp = true;
  private readonly http: Server;

  private constructor() {
    const api = connectNodeAdapter({
      routes: (router) => this.routes(router),
      jsonOptions: { alwaysEmitImplicit: true },
    });
    this.http = createServer((request, response) => this.serve(request, response, api));
  }

  static async start(): Promise<FakeServer> {
    const server = new FakeServer();
    await new Promise<void>((resolve) => server.http.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${String((this.http.address() as AddressInfo).port)}`;
  }

  /** A fresh story for the next test. */
  reset(): void {
    this.story = tellStory();
    this.calls.length = 0;
    this.roles = ['operator', 'annotator'];
    this.signedOut = false;
    this.broken.clear();
    this.streamUp = true;
  }

  async stop(): Promise<void> {
    this.dropStreams();
    this.http.closeAllConnections();
    await new Promise<void>((resolve) => this.http.close(() => resolve()));
  }

  /** Ends every live stream and refuses new ones until {@link reset}. */
  dropStreams(): void {
    this.streamUp = false;
    for (const stream of this.streams) stream.destroy();
    this.streams.clear();
  }

  /** Says on every live stream that something changed. */
  announce(topic: string, data: Record<string, string>): void {
    for (const stream of this.streams) stream.write(`data: ${JSON.stringify({ topic, data })}\n\n`);
  }

  private serve(
    request: IncomingMessage,
    response: ServerResponse,
    api: (request: IncomingMessage, response: ServerResponse) => void,
  ): void {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    if (path.startsWith('/rondo.')) {
      if (this.signedOut)
        return void response
          .writeHead(401, { 'content-type': 'application/json' })
          .end('{"code":"unauthenticated","message":"no session"}');
      if (this.broken.has(path.split('/').at(-1) ?? ''))
        return void response
          .writeHead(503, { 'content-type': 'application/json' })
          .end('{"code":"unavailable","message":"the control plane is restarting"}');
      return api(request, response);
    }
    if (path === '/v1/stream') return this.openStream(response);
    if (path === '/auth/signin') return this.signIn(request, response);
    this.file(path, response);
  }

  private openStream(response: ServerResponse): void {
    if (!this.streamUp) return void response.writeHead(503).end();
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write('retry: 200\n\n');
    this.streams.add(response);
    response.on('close', () => this.streams.delete(response));
  }

  private signIn(request: IncomingMessage, response: ServerResponse): void {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const known = (JSON.parse(body) as { token?: string }).token === TOKEN;
      if (known) this.signedOut = false;
      response.writeHead(known ? 204 : 401).end();
    });
  }

  private file(path: string, response: ServerResponse): void {
    const wanted = join(DIST, normalize(path));
    const isFile = wanted.startsWith(DIST) && statSync(wanted, { throwIfNoEntry: false })?.isFile() === true;
    const file = isFile ? wanted : join(DIST, 'index.html');
    response.writeHead(200, {
      'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
      'content-security-policy': POLICY,
    });
    response.end(readFileSync(file));
  }

  private routes(router: ConnectRouter): void {
    this.reading(router);
    this.operating(router);
    this.labeling(router);
    this.rollouts(router);
  }

  private reading(router: ConnectRouter): void {
    const of = <T extends { pipeline?: string }>(list: T[], pipeline: string): T[] =>
      list.filter((item) => pipeline === '' || item.pipeline === pipeline);
    router.service(EventService, {
      listEvents: ({ pipeline, fate }) => {
        const events = of(this.story.events, pipeline);
        return {
          events: events.filter((event) => fate === '' || event.fate === fate),
          total: BigInt(events.length),
          pending: 0n,
        };
      },
      listDecisions: ({ pipeline, pageSize }) => ({ decisions: of(this.story.decisions, pipeline).slice(0, pageSize) }),
    });
    router.service(ModelService, {
      listModels: ({ pipeline }) => (pipeline === 'flight-delay' ? this.story.models : {}),
    });
    router.service(DriftService, {
      listDriftEvaluations: ({ pipeline }) => ({ evaluations: of(this.story.drift, pipeline) }),
      listPerformanceEvaluations: ({ pipeline }) => ({ evaluations: of(this.story.performance, pipeline) }),
      listForecasts: ({ pipeline }) => (pipeline === 'flight-delay' ? this.story.forecasts : {}),
    });
    router.service(AuditService, {
      listAuditEntries: ({ pipeline, cycleId, actor }) => ({
        entries: of(this.story.audit, pipeline).filter(
          (e) => (cycleId === '' || e.cycleId === cycleId) && (actor === '' || e.actor === actor),
        ),
      }),
      verifyAudit: () => ({
        intact: true,
        entries: 418n,
        streams: 37n,
        explanation: 'Every hash was computed again and is the same.',
      }),
    });
    router.service(OperationsService, {
      whoAmI: () => ({ principal: 'erik.lund', roles: this.roles, version: '0.1.0', mode: 'embedded' }),
      listParked: () => ({ messages: this.story.parked }),
      replayParked: (request) => {
        this.calls.push({ method: 'replayParked', request });
        this.story.parked = this.story.parked.filter((message) => message.id !== request.id);
        return { replayed: true };
      },
      listSpans: ({ cycleId }) => ({ spans: cycleId === this.story.cycles[0]?.cycleId ? this.story.spans : [] }),
      getArtifact: ({ digest }) => ({
        content: new TextEncoder().encode(found(this.story.artifacts.get(digest), 'artifact')),
        mediaType: 'application/json',
      }),
    });
  }

  private operating(router: ConnectRouter): void {
    router.service(PipelineService, {
      listPipelines: () => ({ pipelines: this.story.pipelines }),
      getPipeline: ({ pipeline }) =>
        found(
          this.story.pipelines.find((p) => p.name === pipeline),
          'pipeline',
        ),
      holdAutomaticCycles: (request) => {
        this.calls.push({ method: 'holdAutomaticCycles', request });
        return Object.assign(
          found(
            this.story.pipelines.find((p) => p.name === request.pipeline),
            'pipeline',
          ),
          { held: true, holdReason: request.reason },
        );
      },
      cancelScheduledCycle: (request) => {
        this.calls.push({ method: 'cancelScheduledCycle', request });
        const known = this.story.pipelines.find((p) => p.name === request.pipeline);
        return Object.assign(found(known, 'pipeline'), { scheduledCycle: undefined });
      },
      diffPipeline: ({ document }) =>
        document.includes('bogus')
          ? {
              problems: [
                {
                  path: 'spec.bogus',
                  message: 'Unknown field; did you mean budget?',
                  line: 12,
                  column: 3,
                  rule: 'no unknown fields',
                },
              ],
            }
          : {
              changes: document.includes('afterPromotion: 42d')
                ? [{ path: 'spec.triggerPolicy.cooldown.afterPromotion', fromJson: '"35d"', toJson: '"42d"' }]
                : [],
            },
      applyPipeline: (request) => {
        this.calls.push({ method: 'applyPipeline', request });
        return { outcome: 'configured' };
      },
    });
    router.service(CycleService, {
      listCycles: ({ pipeline }) => ({ cycles: this.story.cycles.filter((c) => c.pipeline === pipeline) }),
      getCycle: ({ pipeline, number }) =>
        found(
          this.story.cycles.find((c) => c.pipeline === pipeline && c.number === number),
          'cycle',
        ),
      triggerCycle: (request) => {
        this.calls.push({ method: 'triggerCycle', request });
        throw failure(
          Code.FailedPrecondition,
          'Cycle 3 of flight-delay is running; a cycle by hand waits for it.',
          'CYCLE_ACTIVE',
        );
      },
    });
    router.service(ApprovalService, {
      listApprovals: ({ pipeline, state }) => ({
        approvals: this.story.approvals.filter(
          (a) => (pipeline === '' || a.pipeline === pipeline) && (state === '' || a.state === state),
        ),
      }),
      getApproval: ({ approvalId }) =>
        found(
          this.story.approvals.find((a) => a.approvalId === approvalId),
          'approval',
        ),
      vote: (request) => {
        this.calls.push({ method: 'vote', request });
        const approval = found(
          this.story.approvals.find((a) => a.approvalId === request.approvalId),
          'approval',
        );
        approval.votes = [
          ...(approval.votes ?? []),
          {
            actor: { id: 'erik.lund' },
            approve: request.approve,
            rationale: request.rationale,
            at: approval.requestedAt!,
          },
        ];
        approval.state = request.approve ? 'Approved' : 'Rejected';
        return approval;
      },
    });
    router.service(IncidentService, {
      listIncidents: () => ({ incidents: this.story.incidents }),
      closeIncident: (request) => {
        this.calls.push({ method: 'closeIncident', request });
        const incident = found(
          this.story.incidents.find((one) => one.incidentId === request.incidentId),
          'incident',
        );
        const { postmortem, actionItems } = request;
        return Object.assign(incident, { state: 'Closed', closedAt: incident.openedAt, postmortem, actionItems });
      },
    });
    router.service(DataService, {
      listBatches: () => ({ batches: this.story.batches.filter((b) => b.state === BatchState.QUARANTINED) }),
      getBatch: ({ batchId }) =>
        found(
          this.story.batches.find((b) => b.batchId === batchId),
          'batch',
        ),
      rejectBatch: (request) => {
        this.calls.push({ method: 'rejectBatch', request });
        return Object.assign(
          found(
            this.story.batches.find((b) => b.batchId === request.batchId),
            'batch',
          ),
          { state: BatchState.REJECTED, reason: request.reason, decidedBy: { id: 'erik.lund' } },
        );
      },
    });
  }

  private labeling(router: ConnectRouter): void {
    router.service(LabelingService, {
      listCampaigns: ({ pipeline }) => ({
        campaigns: this.story.campaigns.filter((c) => pipeline === '' || c.pipeline === pipeline),
      }),
      listAnnotators: ({ pipeline }) => ({
        annotators: this.story.annotators.filter((a) => pipeline === '' || a.pipeline === pipeline),
      }),
      resumeAnnotator: (request) => {
        this.calls.push({ method: 'resumeAnnotator', request });
        const {
          explanation: _over,
          pausedAt: _at,
          accuracy: _forgotten,
          ...annotator
        } = found(
          this.story.annotators.find((a) => a.annotator === request.annotator),
          'annotator',
        );
        const resumed = { ...annotator, state: 'Active', goldTasksNeeded: 10 };
        this.story.annotators = this.story.annotators.map((a) => (a.annotator === request.annotator ? resumed : a));
        return resumed;
      },
      leaseTasks: ({ campaignId, count }) => ({
        tasks: this.story.tasks.filter((t) => t.campaignId === campaignId && t.state === 'Leased').slice(0, count),
        campaign: found(
          this.story.campaigns.find((c) => c.campaignId === campaignId),
          'campaign',
        ),
      }),
      submitAnswer: (request) => {
        this.calls.push({ method: 'submitAnswer', request });
        const task = found(
          this.story.tasks.find((t) => t.taskId === request.taskId),
          'task',
        );
        const campaign = found(
          this.story.campaigns.find((c) => c.campaignId === request.campaignId),
          'campaign',
        );
        if ((task.answers ?? []).length === 0) campaign.answered = (campaign.answered ?? 0) + 1;
        task.answers = [
          ...(task.answers ?? []),
          {
            revision: (task.answers ?? []).length + 1,
            annotator: 'erik.lund',
            answer: request.answer,
            rationale: request.rationale,
            skipped: request.skip,
          },
        ];
        task.state = request.skip ? 'Skipped' : 'Answered';
        return task;
      },
    });
  }

  private override(method: string, request: OverrideRequest, change: Record<string, unknown>) {
    this.calls.push({ method, request });
    const rollout = found(
      this.story.rollouts.find((r) => r.rolloutId === request.rolloutId),
      'rollout',
    );
    if (request.etag !== rollout.etag)
      throw failure(
        Code.Aborted,
        `The rollout changed: you saw ${request.etag}, it is ${String(rollout.etag)}.`,
        'ETAG_MISMATCH',
        { field: 'etag', value: request.etag },
      );
    return Object.assign(rollout, change, { etag: `${String(rollout.etag)}x` });
  }

  private rollouts(router: ConnectRouter): void {
    router.service(RolloutService, {
      getRollout: ({ cycleId }) =>
        found(
          this.story.rollouts.find((r) => r.cycleId === cycleId),
          'rollout',
        ),
      pauseRollout: (request) => this.override('pauseRollout', request, { state: 'Paused' }),
      advanceRollout: (request) => this.override('advanceRollout', request, { stepIndex: 3, weightPercent: 50 }),
      rollBack: (request) =>
        this.override('rollBack', request, {
          state: 'RolledBack',
          weightPercent: 0,
          cause: `erik.lund: ${request.reason}`,
          finishedAt: this.story.rollouts[1]?.finishedAt,
        }),
    });
  }
}
