import { Button, PasswordInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent, type ReactNode } from 'react';
import { signIn } from '../api/session.js';
import { ProblemNote } from '../ui/states.js';

/** Asks for the token once; the page behind it stays at its address. */
export function SignIn(): ReactNode {
  const client = useQueryClient();
  const [token, setToken] = useState('');
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    try {
      await signIn(token);
      await client.resetQueries();
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <main id="main" className="rd-signin">
      <title>Sign in · Rondo</title>
      <h1>
        <img src="/favicon.svg" alt="" width={28} height={28} /> Sign in to Rondo
      </h1>
      <section className="rd-card">
        <form className="rd-card-body" onSubmit={(event) => void submit(event)}>
          <p>
            Paste the access token you were given. On your own machine, <code>npm start</code> prints a link that signs
            you in by itself.
          </p>
          <PasswordInput
            label="Access token"
            value={token}
            onChange={(event) => setToken(event.currentTarget.value)}
            autoComplete="current-password"
            visibilityToggleButtonProps={{ 'aria-label': 'Show or hide the token', tabIndex: 0 }}
            required
            data-autofocus
          />
          {problem !== undefined && (
            <ProblemNote problem={{ kind: 'unauthenticated', title: 'Not signed in', message: problem }} />
          )}
          <div className="rd-dialog-actions">
            <Button type="submit" loading={busy} disabled={token.trim() === ''}>
              Sign in
            </Button>
          </div>
        </form>
      </section>
    </main>
  );
}
