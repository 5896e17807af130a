/** A thread for the spec of compute threads: every way a computation can end. */
import { PermanentError } from '@rondo/kernel';
import { answerRequests } from '@rondo/service/threads';

/** What the thread can be asked. */
export type ExampleRequest =
  | { readonly kind: 'sum'; readonly values: Float64Array }
  | { readonly kind: 'count-requests' }
  | { readonly kind: 'report' }
  | { readonly kind: 'refuse' }
  | { readonly kind: 'break' }
  | { readonly kind: 'die' }
  | { readonly kind: 'use-memory' }
  | { readonly kind: 'never-end' };

let requests = 0;

answerRequests((request: ExampleRequest, report): number => {
  requests++;
  switch (request.kind) {
    case 'sum':
      return request.values.reduce((sum, value) => sum + value, 0);
    case 'count-requests':
      return requests;
    case 'report':
      for (const progress of [0.5, 1]) report(progress);
      return requests;
    case 'refuse':
      throw new PermanentError('invalid', 'values: needs one', { field: 'values', value: 0, rule: 'at least one' });
    case 'break':
      throw new TypeError('not a function');
    case 'die':
      return process.exit(7);
    case 'use-memory': {
      const kept: number[][] = [];
      for (;;) kept.push(Array.from({ length: 10_000 }, (_, i) => i + kept.length));
    }
    case 'never-end':
      for (;;);
  }
});
