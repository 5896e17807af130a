import { describe, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import { DriftService, type ListEvaluationsRequest } from '@rondo/contracts';
import { rpcContext, testPlatform, testService } from '../testing/index.js';
import { registeredRpcs, RpcService, type RpcContext } from './index.js';

@RpcService(DriftService)
class DriftRpc {
  async listDriftEvaluations(
    request: ListEvaluationsRequest,
    context: RpcContext,
  ): Promise<{ evaluations: { pipeline: string }[] }> {
    return { evaluations: [{ pipeline: `${request.pipeline} for ${context.principal.id}` }] };
  }

  async listPerformanceEvaluations(): Promise<object> {
    return {};
  }

  async listForecasts(): Promise<object> {
    return {};
  }
}

@Module({ providers: [DriftRpc] })
class DriftModule {}

describe('RpcService', () => {
  it('offers the methods of a provider to the front door', async () => {
    const platform = testPlatform('drift-monitor');
    const service = await testService(platform, DriftModule);
    expect(service.service.rpcServices().map(({ service: { typeName } }) => typeName)).toEqual([
      'rondo.drift.v1.DriftService',
    ]);
    const answer = await service
      .rpc(DriftService)
      .listDriftEvaluations({ pipeline: 'flights' } as ListEvaluationsRequest, rpcContext('alice', 'viewer'));
    expect(answer).toEqual({ evaluations: [{ pipeline: 'flights for alice' }] });
    await service.close();
    await platform.close();
  });

  it('refuses two implementations of one service', () => {
    expect(() => registeredRpcs([new DriftRpc(), new DriftRpc()])).toThrow('two implementations');
    expect(registeredRpcs([undefined, 'text', {}, new Date()])).toEqual([]);
  });

  it('refuses at compile time a class that lacks a method', () => {
    // @ts-expect-error listPerformanceEvaluations is missing
    @RpcService(DriftService)
    class Incomplete {
      async listDriftEvaluations(): Promise<object> {
        return {};
      }
    }
    expect(() => registeredRpcs([new Incomplete()])).toThrow(
      'lacks rondo.drift.v1.DriftService.listPerformanceEvaluations',
    );
  });
});
