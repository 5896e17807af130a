import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@connectrpc/connect';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CycleService, PipelineService } from '@rondo/contracts';
import { PermanentError, systemClock, TransientError } from '@rondo/kernel';
import { Authenticator, Sessions, TokenFile } from '@rondo/security';
import type { RegisteredRpc, RpcContext } from '@rondo/service';
import { createLogger, createTelemetry, type FinishedSpan, type RunningTelemetry } from '@rondo/telemetry';
import { eventually } from '@rondo/testing';
import { connectClient } from './connect-client.js';
import { forwardTo, type Forwarder } from './forward.js';
import { frontDoor, type RunningFrontDoor } from './front-door.js';
import { grpcClient } from './grpc-client.js';

const KEY = 'a key that both processes have, of 32 characters';

describe('services of another process', () => {
  let folder: string;
  let telemetry: RunningTelemetry;
  let spans: FinishedSpan[];
  let tokens: TokenFile;
  let token: string;
  let sessions: Sessions;
  let seen: RpcContext[];
  let ended: string[];
  let lines: string[];
  const closing: (() => unknown)[] = [];

  /** A process that owns the cycles. */
  const cycles = (name: string): RegisteredRpc => {
    const unused = (): Promise<never> => Promise.reject(new PermanentError('not-found', 'no such thing'));
    const implementation = {
      listCycles: unused,
      retryStep: unused,
      triggerCycle: unused,
      cancelCycle: unused,
      async getCycle({ cycleId }: { cycleId: string }, context: RpcContext) {
        seen.push(context);
        if (cycleId === 'missing') {
          const detail = { field: 'cycle_id', value: '“missing”', rule: 'an existing cycle', reason: 'CYCLE_UNKNOWN' };
          throw new PermanentError('not-found', 'no cycle “missing”', detail);
        }
        if (cycleId === 'busy') throw new TransientError('the store is busy', { afterMs: 250 });
        if (cycleId === 'bug') throw new Error('secret path /etc/rondo');
        if (cycleId === 'slow')
          await new Promise((resolve) => context.signal.addEventListener('abort', resolve, { once: true }));
        return { cycleId, pipeline: name };
      },
      async *watchCycle({ cycleId }: { cycleId: string }, context: RpcContext) {
        try {
          yield { cycleId, phase: 'Preparing' };
          if (cycleId === 'breaks') throw new PermanentError('conflict', 'changed', { reason: 'ETAG_MISMATCH' });
          yield { cycleId, phase: 'Training' };
          if (cycleId === 'endless')
            await new Promise((resolve) => context.signal.addEventListener('abort', resolve, { once: true }));
        } finally {
          ended.push(cycleId);
        }
      },
    };
    return { service: CycleService, implementation: implementation as RegisteredRpc['implementation'] };
  };

  const door = async (service: string, rpcs: readonly RegisteredRpc[]): Promise<RunningFrontDoor> => {
    const opened = await frontDoor({
      http: { host: '127.0.0.1', port: 0 },
      grpc: { host: '127.0.0.1', port: 0 },
      rpcs,
      authenticator: new Authenticator({
        tokens,
        sessions: new Sessions(systemClock, { key: KEY }),
        clock: systemClock,
      }),
      telemetry: Object.assign(telemetry.forService(service), { metricsText: () => telemetry.metricsText() }),
      log: createLogger({ service, write: (line) => lines.push(line) }),
    });
    closing.push(() => opened.close(100));
    return opened;
  };
  const forwarding = async (addresses: readonly string[]): Promise<RunningFrontDoor> => {
    const forwarder: Forwarder = forwardTo([CycleService], { owner: 'control-plane', addresses });
    closing.push(() => forwarder.close());
    return door('api', forwarder.rpcs);
  };
  const clientOf = (address: string): Client<typeof CycleService> => {
    const client = grpcClient(CycleService, { address, token });
    closing.push(() => client.close());
    return client;
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'forward-'));
    [spans, seen, ended, lines] = [[], [], [], []];
    telemetry = createTelemetry({
      service: 'test',
      version: '1',
      sinks: [{ write: (batch) => Promise.resolve(void spans.push(...batch)) }],
    });
    tokens = new TokenFile(folder, systemClock);
    sessions = new Sessions(systemClock, { key: KEY });
    token = tokens.create({ principal: 'alice', roles: ['viewer'] }).token;
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
    await telemetry.close();
    rmSync(folder, { recursive: true });
  });

  it('answers through gRPC and Connect as the owner would, as the same caller and in the same trace', async () => {
    const owner = await door('owner', [cycles('owner')]);
    const api = await forwarding([owner.grpcAddress]);
    const web = connectClient(CycleService, { baseUrl: api.httpUrl, token });
    for (const client of [clientOf(api.grpcAddress), web])
      expect(await client.getCycle({ cycleId: 'c1' })).toMatchObject({ cycleId: 'c1', pipeline: 'owner' });
    expect(seen.map(({ principal }) => principal)).toEqual([
      { id: 'alice', roles: ['viewer'] },
      { id: 'alice', roles: ['viewer'] },
    ]);
    await telemetry.flush();
    const outer = spans.find(({ service }) => service === 'api')!;
    expect(spans.filter(({ parentSpanId }) => parentSpanId === outer.spanId).map(({ service }) => service)).toEqual([
      'owner',
    ]);
  });

  it('hands on the session of the console', async () => {
    const owner = await door('owner', [cycles('owner')]);
    const api = await forwarding([owner.grpcAddress]);
    const cookie = `rondo_session=${sessions.open({ id: 'bob', roles: ['viewer'] })}`;
    const answer = await fetch(`${api.httpUrl}/rondo.control.v1.CycleService/GetCycle`, {
      method: 'POST',
      headers: { cookie, 'content-type': 'application/json', origin: api.httpUrl },
      body: JSON.stringify({ cycleId: 'c1' }),
    });
    expect(await answer.json()).toMatchObject({ cycleId: 'c1' });
    expect(seen[0]?.principal).toEqual({ id: 'bob', roles: ['viewer'] });
  });

  it.each(['missing', 'busy', 'bug'])('fails as the owner does: %s', async (cycleId) => {
    const owner = await door('owner', [cycles('owner')]);
    const api = await forwarding([owner.grpcAddress]);
    const direct: unknown = await clientOf(owner.grpcAddress)
      .getCycle({ cycleId })
      .catch((error: unknown) => error);
    const forwarded: unknown = await clientOf(api.grpcAddress)
      .getCycle({ cycleId })
      .catch((error: unknown) => error);
    const told = (error: unknown): unknown => {
      const { code, detail, afterMs, message } = error as PermanentError & TransientError;
      return { code, detail, afterMs, message: message.replace(/trace [0-9a-f]{32}/, 'trace') };
    };
    expect(forwarded).toBeInstanceOf((direct as Error).constructor);
    expect(told(forwarded)).toEqual(told(direct));
  });

  it('hands on the time that is left and stops the owner when it is over', async () => {
    const owner = await door('owner', [cycles('owner')]);
    const api = await forwarding([owner.grpcAddress]);
    const slow = clientOf(api.grpcAddress).getCycle({ cycleId: 'slow' }, { timeoutMs: 300 });
    await expect(slow).rejects.toMatchObject({ code: 'deadline-exceeded' });
    await eventually(() => seen[0]?.signal.aborted === true);
  });

  it('streams, breaks with the error of the owner, and lets go when the caller leaves', async () => {
    const owner = await door('owner', [cycles('owner')]);
    const api = await forwarding([owner.grpcAddress]);
    const client = clientOf(api.grpcAddress);
    const phases: string[] = [];
    for await (const { phase } of client.watchCycle({ cycleId: 'c1' })) phases.push(phase);
    expect(phases).toEqual(['Preparing', 'Training']);
    const broken = (async () => {
      for await (const { phase } of client.watchCycle({ cycleId: 'breaks' })) phases.push(phase);
    })();
    await expect(broken).rejects.toMatchObject({ code: 'conflict', detail: { reason: 'ETAG_MISMATCH' } });
    for await (const { phase } of client.watchCycle({ cycleId: 'endless' })) if (phase === 'Training') break;
    await eventually(() => ended.includes('endless'));
  });

  it('spreads calls over the replicas and goes on when one is gone', async () => {
    const replicas = [await door('owner', [cycles('one')]), await door('owner', [cycles('two')])];
    const api = await forwarding(replicas.map(({ grpcAddress }) => grpcAddress));
    const client = clientOf(api.grpcAddress);
    const answeredBy = new Set<string>();
    await eventually(async () => {
      answeredBy.add((await client.getCycle({ cycleId: 'c' })).pipeline);
      return answeredBy.size === 2;
    });
    await replicas[0]!.close(100);
    await eventually(async () => (await client.getCycle({ cycleId: 'c' })).pipeline === 'two');
    for (let call = 0; call < 10; call++) expect((await client.getCycle({ cycleId: 'c' })).pipeline).toBe('two');
  });

  it('says which owner does not answer, and nothing of its address', async () => {
    const owner = await door('owner', [cycles('owner')]);
    const api = await forwarding([owner.grpcAddress]);
    await owner.close(100);
    const error: unknown = await clientOf(api.grpcAddress)
      .getCycle({ cycleId: 'c' })
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(TransientError);
    expect((error as Error).message).toBe('control-plane does not answer; try again');
  });

  it('refuses several names, of which only the first would be used', () => {
    expect(() => forwardTo([PipelineService], { owner: 'labeling', addresses: ['a:1', 'b:1'] })).toThrow(
      /the addresses of labeling must be/,
    );
  });
});
