import type { Json, JsonObject } from "../model.ts";

/** A message of a topic, as conditions read it. */
export interface MessageView {
  readonly key: string | null;
  /** JSON if it is any, else the text. */
  readonly value: Json;
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since 1970; null: it has no usable one. */
  readonly timestamp: number | null;
}

/** What a hook is told of: the task or run that has ended, and how. */
export type EndedView = {
  /** Null: the run. */
  readonly task_id: string | null;
  readonly state: "success" | "failed";
  /** Of a run that of the first task that failed it; empty after a success. */
  readonly error: string;
  readonly duration_ms: number | null;
  readonly failed_count: number;
  /** Those that failed the run, or the one task; the first of them, where they are many. */
  readonly failed_tasks: readonly { readonly task_id: string; readonly error: string }[];
  /** All of it in words. */
  readonly message: string;
};

/** What expressions may read. Times are milliseconds since 1970; texts are RFC 3339. */
export interface RenderContext {
  /** The run's resolved parameters. */
  readonly params: JsonObject;
  readonly logicalAt: number;
  readonly intervalStartAt: number;
  readonly intervalEndAt: number;
  readonly now: number;
  /** The definition's zone, in which dates become text. */
  readonly timezone: string;
  readonly run: {
    readonly dag_run_id: string;
    readonly dag_id: string;
    readonly run_type: string;
    readonly start_date: string | null;
  };
  readonly taskInstance: { readonly task_id: string; readonly try_number: number; readonly max_tries: number };
  /** The outputs of an ancestor; undefined when it left none. */
  readonly outputs: (task: string) => JsonObject | undefined;
  /** Within an item of a fan-out: its element and the place of it in the list. */
  readonly item?: { readonly value: Json; readonly index: number };
  readonly tempDir: string;
  /** Within a hook; absent elsewhere. */
  readonly ended?: EndedView;
  /** What a webhook was sent; absent elsewhere. */
  readonly webhook?: { readonly body: Json; readonly headers: JsonObject };
  /** What a sensor is to judge; absent elsewhere. */
  readonly message?: MessageView;
  /** What stands for a secret in rendered values, for the worker to replace; absent: no secrets here. */
  readonly secretMarker?: (name: string) => string;
  /** Names that whoever triggered the run gave; absent: those whose value is not the definition's default. */
  readonly givenParameters?: readonly string[];
}
