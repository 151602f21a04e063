/** What `import … from "millrace"` gives: the engine, its middlewares, and nothing that needs a server. */
export { type ChromeTrace, chromeTrace } from "./chrome-trace.ts";
export { createMemoryStore, type TypedStore, typedStore } from "./data-store.ts";
export { Engine, type ExecuteOptions } from "./engine.ts";
export type { DataStore, EngineLogger, EngineOptions, ErrorStrategy } from "./engine-api.ts";
export type { EngineEvent } from "./engine-event.ts";
export type { ExecutionResult, TaskReport, TaskStatus } from "./execution-report.ts";
export type { Dependency, RetryPolicy, TaskContext, TaskDefinition, TaskMiddleware } from "./task-definition.ts";
export { EngineError, type EngineErrorCode, type GraphProblem, SkipTask } from "./engine-error.ts";
export { type ExecutionTrace, executionTrace } from "./execution-trace.ts";
export { concurrencyLimit } from "#middleware/concurrency-limit.ts";
export { logging } from "#middleware/logging.ts";
export { metrics, type TaskMeasurement } from "#middleware/metrics.ts";
export { recovery } from "#middleware/recovery.ts";
export { retry } from "#middleware/retry.ts";
export { timeout } from "#middleware/timeout.ts";
export { TimeoutError } from "#middleware/timeout-error.ts";
export { type TracerLike, tracing } from "#middleware/tracing.ts";
