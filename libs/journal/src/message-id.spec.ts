import { describe, expect, it } from '@jest/globals';
import { messageIdOf } from './message-id.js';

describe('messageIdOf', () => {
  const cause = { consumer: 'training', messageId: 'm1' };

  it('is a UUIDv5, the same for the same cause and place, another for any other', () => {
    const id = messageIdOf('s', cause, 0);
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(messageIdOf('s', { ...cause }, 0)).toBe(id);
    const others = [
      messageIdOf('s', cause, 1),
      messageIdOf('t', cause, 0),
      messageIdOf('s', { ...cause, messageId: 'm2' }, 0),
    ];
    expect(new Set([id, ...others]).size).toBe(4);
  });
});
