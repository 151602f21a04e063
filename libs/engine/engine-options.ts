import { describeLimitProblem, describeTimeoutProblem } from "#middleware/check-number.ts";
import type { EngineLogger, EngineOptions, ErrorStrategy, DataStore } from "./engine-api.ts";
import type { EngineEvent } from "./engine-event.ts";
import { EngineError } from "./engine-error.ts";

/** The options without gaps; a timeout that isn't there is Infinity. */
export interface ResolvedOptions {
  readonly errorStrategy: ErrorStrategy;
  readonly globalTimeoutMs: number;
  readonly defaultTaskTimeoutMs: number;
  readonly concurrency: number;
  readonly logger: EngineLogger;
  readonly observer: ((event: EngineEvent) => void) | null;
  readonly createStore: ((executionId: string) => DataStore) | null;
}

const silentLogger: EngineLogger = {
  info: () => undefined,
  error: () => undefined,
  with: () => silentLogger,
};

const strategies: readonly unknown[] = ["fail-fast", "continue"] satisfies readonly ErrorStrategy[];

/** Throws an `INVALID_OPTIONS` error that names everything that is wrong. */
export function resolveOptions(options: EngineOptions): ResolvedOptions {
  const problems = findOptionProblems(options);
  if (problems.length > 0) throw new EngineError("INVALID_OPTIONS", `new Engine(): ${problems.join("; ")}`);
  return {
    errorStrategy: options.errorStrategy ?? "fail-fast",
    globalTimeoutMs: options.globalTimeoutMs ?? Number.POSITIVE_INFINITY,
    defaultTaskTimeoutMs: options.defaultTaskTimeoutMs ?? Number.POSITIVE_INFINITY,
    concurrency: options.concurrency ?? Number.POSITIVE_INFINITY,
    logger: options.logger ?? silentLogger,
    observer: options.observer ?? null,
    createStore: options.createStore ?? null,
  };
}

function findOptionProblems(options: unknown): readonly string[] {
  if (typeof options !== "object" || options === null) return ["the options are no object"];
  const given = options as Readonly<Record<string, unknown>>;
  const { errorStrategy, globalTimeoutMs, defaultTaskTimeoutMs, concurrency, logger } = given;
  return [
    errorStrategy === undefined || strategies.includes(errorStrategy)
      ? null
      : `errorStrategy is ${JSON.stringify(errorStrategy)}; give "fail-fast" or "continue"`,
    globalTimeoutMs === undefined ? null : describeTimeoutProblem("globalTimeoutMs", globalTimeoutMs),
    defaultTaskTimeoutMs === undefined ? null : describeTimeoutProblem("defaultTaskTimeoutMs", defaultTaskTimeoutMs),
    concurrency === undefined ? null : describeLimitProblem("concurrency", concurrency),
    logger === undefined || isLogger(logger) ? null : "logger needs the functions info, error and with",
    ...["observer", "createStore"].map((name) =>
      given[name] === undefined || typeof given[name] === "function" ? null : `${name} is no function`,
    ),
  ].filter((problem) => problem !== null);
}

function isLogger(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { info, error, with: extend } = value as Readonly<Record<string, unknown>>;
  return [info, error, extend].every((part) => typeof part === "function");
}
