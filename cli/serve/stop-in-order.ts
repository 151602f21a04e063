import { describeError } from "#errors/app-error.ts";
import type { Logger } from "#telemetry/logger.ts";

/** Runs the steps one after the other; what can't be stopped is logged and does not keep the rest from stopping. */
export async function stopInOrder(steps: readonly (() => Promise<void>)[], logger: Logger): Promise<void> {
  for (const step of steps) {
    try {
      await step();
    } catch (thrown) {
      logger.error({ err: thrown }, `a part did not stop in order: ${describeError(thrown)}`);
    }
  }
}
