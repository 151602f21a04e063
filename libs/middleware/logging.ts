import type { Next } from "./chain.ts";
import { isSkip } from "./failure-kind.ts";

interface LoggingContext {
  readonly logger: {
    info(message: string, fields?: Readonly<Record<string, unknown>>): void;
    error(message: string, fields?: Readonly<Record<string, unknown>>): void;
  };
  readonly next: Next;
}

/** Writes a line when what is below it begins, and one when it ends, with its duration. */
export function logging(): (context: LoggingContext) => Promise<void> {
  return async function logging({ logger, next }: LoggingContext): Promise<void> {
    const startedAt = performance.now();
    const durationMs = (): number => Math.round((performance.now() - startedAt) * 1000) / 1000;
    logger.info("task started");
    try {
      await next();
    } catch (error) {
      if (isSkip(error)) logger.info("task skipped", { durationMs: durationMs(), reason: error });
      else logger.error("task failed", { durationMs: durationMs(), error });
      throw error;
    }
    logger.info("task succeeded", { durationMs: durationMs() });
  };
}
