import type { Next } from "./chain.ts";
import { describeThrown } from "./describe-thrown.ts";
import { isSkip } from "./failure-kind.ts";

/** As much of an OpenTelemetry span as is needed. */
export interface SpanLike {
  setAttribute(name: string, value: string | number | boolean): unknown;
  recordException(error: Error): void;
  setStatus(status: { code: number; message?: string }): unknown;
  end(): void;
}

/** As much of an OpenTelemetry tracer as is needed. */
export interface TracerLike {
  startActiveSpan<T>(
    name: string,
    options: { readonly attributes: Readonly<Record<string, string | number>> },
    run: (span: SpanLike) => T,
  ): T;
}

interface TracingContext {
  readonly taskId: string;
  readonly executionId: string;
  readonly tryNumber: number;
  readonly next: Next;
}

/** OpenTelemetry's own numbering of a span's status. */
const statusError = 2;

/** Where OpenTelemetry's API, from version 1 on, keeps what a program has registered. */
const openTelemetryKey = Symbol.for("opentelemetry.js.api.1");

/**
 * Puts a span named `task ID` around what is below it; spans that are made there become its children. Without a tracer
 * it takes the one that is registered with OpenTelemetry's API, and does nothing while there is none.
 */
export function tracing(tracer?: TracerLike): (context: TracingContext) => Promise<void> {
  return async function tracing(context: TracingContext): Promise<void> {
    const { taskId, executionId, tryNumber, next } = context;
    const used = tracer ?? findRegisteredTracer();
    if (used === null) return next();
    const attributes = {
      "millrace.task.id": taskId,
      "millrace.execution.id": executionId,
      "millrace.task.try": tryNumber,
    };
    return used.startActiveSpan(`task ${taskId}`, { attributes }, (span) => runInSpan(span, next));
  };
}

async function runInSpan(span: SpanLike, next: Next): Promise<void> {
  try {
    await next();
  } catch (thrown) {
    if (isSkip(thrown)) span.setAttribute("millrace.task.skipped", true);
    else {
      const error = thrown instanceof Error ? thrown : new Error(describeThrown(thrown));
      span.recordException(error);
      span.setStatus({ code: statusError, message: error.message });
    }
    throw thrown;
  } finally {
    span.end();
  }
}

function findRegisteredTracer(): TracerLike | null {
  const registered = (globalThis as Readonly<Record<symbol, unknown>>)[openTelemetryKey] as
    | { readonly trace?: { getTracer(name: string): TracerLike } }
    | undefined;
  return registered?.trace?.getTracer("millrace") ?? null;
}
