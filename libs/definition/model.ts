import type { ScheduleDefinition } from "./schema/schedule-definition.ts";
import type { ConcurrencyDefinition } from "./schema/concurrency-definition.ts";
import type { EdgeCondition } from "#core/graph.ts";
import type { Hook } from "#core/hook.ts";
import type { RetryPolicy, TaskLabels } from "#core/plan.ts";
import type { TriggerRule } from "#core/trigger-rule.ts";
import type { SensorDefinition } from "./schema/sensor-definition.ts";
import type { WebhookDefinition } from "./schema/webhook-definition.ts";
import type { TaskEnclosure } from "./schema/task-enclosure.ts";
import type { TaskResources } from "./schema/task-resources.ts";

/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export interface Dependency {
  readonly task: string;
  readonly on: EdgeCondition;
}

/** One parameter in its long form; `default` absent: none. */
export interface ParameterDefinition {
  /** Null: any JSON value (short form). */
  readonly type: "string" | "integer" | "number" | "boolean" | "array" | "object" | null;
  readonly required: boolean;
  readonly default?: Json;
  readonly enum?: readonly Json[];
  readonly pattern?: string;
  readonly minimum?: number | string;
  readonly maximum?: number | string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly items?: Json;
  readonly format?: "date" | "date-time";
  readonly description?: string;
}

/** What a task says that it leaves, by key. One that is not `required` may be left out, and must fit where it is there. */
export type DeclaredOutputs = Readonly<Record<string, ParameterDefinition>>;

/** One instance of the task per element of a list. Expressions are bare. */
interface ForEachDefinition {
  readonly items: string;
  /** Null: an item is named by its place in the list. */
  readonly key: string | null;
  /** A longer list fails the task. */
  readonly limit: number;
}

/** A checked task: long forms only, defaults filled in, durations in milliseconds. Expressions are still text. */
export interface TaskDefinition {
  readonly id: string;
  readonly type: string;
  readonly description: string;
  readonly operator: JsonObject;
  readonly dependencies: readonly Dependency[];
  readonly triggerRule: TriggerRule;
  /** A bare CEL expression. */
  readonly when: string | null;
  /** Absent: one instance. */
  readonly forEach?: ForEachDefinition;
  readonly parameters: JsonObject;
  readonly environment: Readonly<Record<string, string>>;
  readonly retry: RetryPolicy;
  readonly timeoutMs: number;
  readonly queueTimeoutMs: number | null;
  readonly graceMs: number;
  readonly allowFailure: boolean;
  readonly queue: string;
  readonly pool: string | null;
  /** Absent: any worker of the queue. */
  readonly labels?: TaskLabels;
  /** Absent: its processes see and reach what the worker does. */
  readonly enclosure?: TaskEnclosure;
  /** Absent: an attempt may use what the host has. */
  readonly resources?: TaskResources;
  readonly priority: number;
  /** Null: the definition's. */
  readonly executor: string | null;
  readonly captureStdout: boolean;
  readonly keepPartialOutputs: boolean;
  /** What a success must leave. Absent: it may leave anything. */
  readonly outputs?: DeclaredOutputs;
  /** Present: it only waits and needs no worker. `timeoutMs` null: as long as it takes. */
  readonly waits?: { readonly timeoutMs: number | null };
  /** Present: it runs at an end of its one dependency, or of the run; one of the run names no dependencies. */
  readonly hook?: Hook;
}

/** A checked definition in its normal form: plain JSON, stored with the version, read by every service. */
export interface Definition {
  readonly format: 1;
  readonly id: string;
  readonly description: string;
  readonly owner: string;
  readonly tags: readonly string[];
  readonly timezone: string;
  readonly schedule: ScheduleDefinition | null;
  readonly parameters: Readonly<Record<string, ParameterDefinition>>;
  readonly additionalParameters: boolean;
  readonly allowManualTrigger: boolean;
  /** Absent: none. */
  readonly webhooks?: readonly WebhookDefinition[];
  /** Absent: none. */
  readonly sensors?: readonly SensorDefinition[];
  readonly maxActiveRuns: number;
  readonly maxActiveTasks: number | null;
  /** Absent: runs are not limited by a key. */
  readonly concurrency?: ConcurrencyDefinition;
  readonly runTimeoutMs: number | null;
  /** Absent: a run is never late. */
  readonly deadline?: { readonly afterMs: number; readonly action: "notify" | "cancel" };
  readonly priority: number;
  readonly executor: string | null;
  readonly tasks: readonly TaskDefinition[];
}

/** One problem of a file. Lines and columns count from 1; `hint` may be empty. */
export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Upper snake case, e.g. `UNKNOWN_KEY`, `CYCLE`. */
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly warning: boolean;
}
