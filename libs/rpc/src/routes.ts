import { getOption, hasOption, type DescMethodServerStreaming, type DescMethodUnary } from '@bufbuild/protobuf';
import { requires, Role } from '@rondo/contracts';
import { Defect } from '@rondo/kernel';
import type { RoleName } from '@rondo/security';
import type { RegisteredRpc, RpcContext } from '@rondo/service';

const ROLE_NAMES: Readonly<Record<Role, RoleName | undefined>> = {
  [Role.UNSPECIFIED]: undefined,
  [Role.VIEWER]: 'viewer',
  [Role.ANNOTATOR]: 'annotator',
  [Role.APPROVER]: 'approver',
  [Role.OPERATOR]: 'operator',
  [Role.ADMIN]: 'admin',
  [Role.PRODUCER]: 'producer',
};

/** What came with a call besides its message, for those who pass it on. */
export interface CallOrigin {
  readonly authorization: string | undefined;
  readonly cookie: string | undefined;
  /** What is left of the time a unary call may take, in ms. */
  readonly timeoutMs?: number;
}

/** A method that is served. */
export interface RpcRoute {
  readonly method: DescMethodUnary | DescMethodServerStreaming;
  /** `rondo.control.v1.CycleService/GetCycle`. */
  readonly name: string;
  readonly requires: RoleName;
  readonly call: (request: never, context: RpcContext & { readonly origin: CallOrigin }) => unknown;
}

/** Checks that every method is carried out and names its role, and lists them. @throws Defect naming every gap */
export function routesOf(rpcs: readonly RegisteredRpc[]): readonly RpcRoute[] {
  const gaps: string[] = [];
  const routes: RpcRoute[] = [];
  const seen = new Set<string>();
  for (const { service, implementation } of rpcs) {
    if (seen.has(service.typeName)) gaps.push(`${service.typeName} is served twice`);
    seen.add(service.typeName);
    for (const method of service.methods) {
      const name = `${service.typeName}/${method.name}`;
      const role = hasOption(method, requires) ? ROLE_NAMES[getOption(method, requires)] : undefined;
      const call = implementation[method.localName];
      if (role === undefined) gaps.push(`${name} does not say which role it requires`);
      if (typeof call !== 'function') gaps.push(`${name} is not carried out by anything`);
      if (method.methodKind !== 'unary' && method.methodKind !== 'server_streaming') {
        gaps.push(`${name} streams from the client, which is not served`);
      } else if (role !== undefined && typeof call === 'function') {
        routes.push({
          method: method as RpcRoute['method'],
          name,
          requires: role,
          call: call.bind(implementation) as RpcRoute['call'],
        });
      }
    }
  }
  if (gaps.length > 0) throw new Defect(`the API cannot be served:\n  ${gaps.join('\n  ')}`);
  return routes;
}
