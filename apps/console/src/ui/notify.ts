import { showNotification } from '@mantine/notifications';
import type { Tone } from '../model/words.js';

/** Says in a corner that something was done; read out politely. */
export function notify({ tone, message }: { readonly tone: Tone; readonly message: string }): void {
  showNotification({
    message,
    withBorder: true,
    className: `rd-toast rd-toast-${tone}`,
    closeButtonProps: { 'aria-label': 'Dismiss' },
    autoClose: 6000,
  });
}
