import { PermanentError } from '@rondo/kernel';
import type { Principal, RoleName } from './ports.js';

/** What each role may do, as the roles whose methods it may call. */
export const GRANTS: Readonly<Record<RoleName, readonly RoleName[]>> = {
  viewer: ['viewer'],
  annotator: ['viewer', 'annotator'],
  approver: ['viewer', 'approver'],
  operator: ['viewer', 'operator'],
  producer: ['producer'],
  admin: ['viewer', 'annotator', 'approver', 'operator', 'producer', 'admin'],
};

/** Every role, in the order of {@link GRANTS}. */
export const ROLES = Object.keys(GRANTS) as readonly RoleName[];

/** Whether the principal may do what `requires` stands for. */
export function isAllowed(principal: Principal, requires: RoleName): boolean {
  return principal.roles.some((role) => Object.hasOwn(GRANTS, role) && GRANTS[role].includes(requires));
}

/** Throws `denied` (reason `ROLE_REQUIRED`), naming the role that is missing, unless the principal may. */
export function authorize(principal: Principal, requires: RoleName, action: string): void {
  if (isAllowed(principal, requires)) return;
  const able = ROLES.filter((role) => GRANTS[role].includes(requires)).join(' or ');
  throw new PermanentError('denied', `${principal.id} may not call ${action}: it needs the role ${able}`, {
    field: 'roles',
    value: principal.roles.join(','),
    rule: `one of: ${able}`,
    reason: 'ROLE_REQUIRED',
  });
}
