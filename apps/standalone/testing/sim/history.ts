import type { DescMethodUnary, Message } from '@bufbuild/protobuf';
import type { Cause } from '@rondo/journal';
import type { RpcContext } from '@rondo/service';

/** What a person asked of a service. */
export interface Call {
  readonly method: DescMethodUnary;
  readonly request: Message & { readonly requestId?: string };
  readonly context: RpcContext;
}

/** A message that a service handled, or another cause that it carried out. */
export interface Handled {
  /** Group, for a message; otherwise as the causes of units of work are named. */
  readonly consumer: string;
  readonly id: string;
  /** True time. */
  readonly atMs: number;
}

/** What came to the services from outside, in the order in which they took it. */
export class History {
  readonly #calls = new Map<string, Call>();
  readonly #handled = new Map<string, Map<string, Handled>>();

  /** Notes what a person asks; who asks again asks the same. */
  asked(call: Call): void {
    const { requestId } = call.request;
    if (requestId !== undefined) this.#calls.set(requestId, call);
  }

  callOf(requestId: string): Call | undefined {
    return this.#calls.get(requestId);
  }

  /** Notes the first time that a service carried out a cause. */
  handled(service: string, { consumer, messageId: id }: Pick<Cause, 'consumer' | 'messageId'>, atMs: number): void {
    const own = this.#handled.get(service) ?? new Map<string, Handled>();
    this.#handled.set(service, own);
    const name = `${consumer} ${id}`;
    if (!own.has(name)) own.set(name, { consumer, id, atMs });
  }

  handledBy(service: string): Handled[] {
    return [...(this.#handled.get(service)?.values() ?? [])];
  }
}
