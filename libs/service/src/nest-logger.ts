import type { LoggerService } from '@nestjs/common';
import type { Logger } from '@rondo/telemetry';

/** Nest's own messages in the service's log; what it says while starting well is detail. */
export function nestLogger(log: Logger): LoggerService {
  const text = (message: unknown): string => (message instanceof Error ? message.message : String(message));
  const context = (rest: readonly unknown[]): { 'nest.context'?: string } => {
    const last = rest.at(-1);
    return typeof last === 'string' ? { 'nest.context': last } : {};
  };
  return {
    log: (message: unknown, ...rest: unknown[]) => log.debug(text(message), context(rest)),
    debug: (message: unknown, ...rest: unknown[]) => log.debug(text(message), context(rest)),
    verbose: (message: unknown, ...rest: unknown[]) => log.debug(text(message), context(rest)),
    warn: (message: unknown, ...rest: unknown[]) => log.warn(text(message), context(rest)),
    error: (message: unknown, ...rest: unknown[]) => log.error(text(message), context(rest), message),
    fatal: (message: unknown, ...rest: unknown[]) => log.error(text(message), context(rest), message),
  };
}
