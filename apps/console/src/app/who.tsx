import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Button } from '@mantine/core';
import { reads } from '../api/queries.js';
import { includesRole, type NeededRole } from '../model/words.js';

/** May the signed-in person do what needs this role? Undefined while not known. */
export function useMay(needed: NeededRole): boolean | undefined {
  const who = useQuery(reads.whoAmI());
  return who.data === undefined ? undefined : includesRole(who.data.roles, needed);
}

interface RoleButtonProps {
  readonly needs: NeededRole;
  readonly onClick: () => void;
  readonly danger?: boolean;
  readonly primary?: boolean;
  readonly disabled?: boolean;
  /** Said on hover, for example what the button does. */
  readonly hint?: string;
  readonly children: ReactNode;
}

/** Button that says which role is missing in place of failing later. */
export function RoleButton({
  needs,
  onClick,
  danger = false,
  primary = false,
  disabled = false,
  hint,
  children,
}: RoleButtonProps): ReactNode {
  const may = useMay(needs);
  const refused = may === false;
  return (
    <Button
      size="xs"
      variant={primary || danger ? 'filled' : 'default'}
      color={danger ? 'red' : 'blue'}
      onClick={onClick}
      disabled={disabled || refused}
      title={refused ? `Needs the role ${needs}. An administrator can give it to you.` : hint}
    >
      {children}
    </Button>
  );
}
