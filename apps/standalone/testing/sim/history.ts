import type { DescMethodUnary, Message } from '@bufbuild/protobuf';
import type { Cause } from '@rondo/journal';
import type { Clock } from '@rondo/kernel';
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

/** A moment between two things that services did. */
export interface Moment {
  readonly order: number;
  readonly atMs: number;
}

/** What came to the services from outside, in the order in which they took it. */
export class History {
  readonly #calls = new Map<string, Call>();
  readonly #carriedOut = new Set<string>();
  readonly #passed = new Set<string>();
  readonly #handled = new Map<string, (Handled & Moment)[]>();
  readonly #clock: Pick<Clock, 'now'>;
  #order = 0;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  now(): Moment {
    return { order: ++this.#order, atMs: this.#clock.now() };
  }

  /** Notes what a person asks; who asks again asks the same. */
  asked(call: Call): void {
    const { requestId } = call.request;
    if (requestId !== undefined) this.#calls.set(requestId, call);
  }

  callOf(requestId: string): Call | undefined {
    return this.#calls.get(requestId);
  }

  /** Notes the first time that a service carried out a cause. */
  carriedOut(service: string, { consumer, messageId: id }: Pick<Cause, 'consumer' | 'messageId'>): void {
    const name = `${service} ${consumer} ${id}`;
    if (this.#carriedOut.has(name)) return;
    this.#carriedOut.add(name);
    this.#note(service, { consumer, id, ...this.now() });
  }

  /**
   * Notes the first time that a service handled a message, unless it carried it out. One that had nothing to do then may still be
   * carried out when it is delivered again.
   * @param begun who carries out nothing goes by what there was when it began
   */
  handled(service: string, { consumer, id }: Pick<Handled, 'consumer' | 'id'>, begun: Moment): void {
    const name = `${service} ${consumer} ${id}`;
    if (this.#carriedOut.has(name) || this.#passed.has(name)) return;
    this.#passed.add(name);
    this.#note(service, { consumer, id, ...begun });
  }

  handledBy(service: string): Handled[] {
    return [...(this.#handled.get(service) ?? [])].sort((a, b) => a.order - b.order);
  }

  #note(service: string, step: Handled & Moment): void {
    const own = this.#handled.get(service);
    if (own) own.push(step);
    else this.#handled.set(service, [step]);
  }
}
