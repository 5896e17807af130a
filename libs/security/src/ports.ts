/** Roles a token may carry. Each of approver, operator and admin may also do what viewers do; operator may not approve. */
export type RoleName = 'viewer' | 'annotator' | 'approver' | 'operator' | 'admin' | 'producer';

/** Who is calling. */
export interface Principal {
  /** Stable id, for example `alice` or `service:replayer`. */
  readonly id: string;
  readonly roles: readonly RoleName[];
}
