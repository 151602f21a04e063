import type { Next } from "./chain.ts";
import { isSkip } from "./failure-kind.ts";

export interface TaskMeasurement {
  readonly taskId: string;
  readonly outcome: "success" | "failed" | "skipped";
  readonly durationMs: number;
}

/** As much of an OpenTelemetry meter as is needed. */
export interface MeterLike {
  createHistogram(
    name: string,
    options: { readonly description: string; readonly unit: string },
  ): { record(value: number, attributes: Readonly<Record<string, string>>): void };
}

interface MetricsContext {
  readonly taskId: string;
  readonly next: Next;
}

/**
 * Measures what is below it and gives each measurement to the function, or records it with the meter in the histogram
 * `millrace.task.duration`, in seconds, by `task` and `outcome`.
 */
export function metrics(
  sink: MeterLike | ((measurement: TaskMeasurement) => void),
): (context: MetricsContext) => Promise<void> {
  const record = typeof sink === "function" ? sink : recordWith(sink);
  return async function metrics({ taskId, next }: MetricsContext): Promise<void> {
    const startedAt = performance.now();
    let outcome: TaskMeasurement["outcome"] = "success";
    try {
      await next();
    } catch (error) {
      outcome = isSkip(error) ? "skipped" : "failed";
      throw error;
    } finally {
      record({ taskId, outcome, durationMs: performance.now() - startedAt });
    }
  };
}

function recordWith(meter: MeterLike): (measurement: TaskMeasurement) => void {
  const histogram = meter.createHistogram("millrace.task.duration", {
    description: "How long tasks took, by task and outcome",
    unit: "s",
  });
  return ({ taskId, outcome, durationMs }) => histogram.record(durationMs / 1000, { task: taskId, outcome });
}
