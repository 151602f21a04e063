import type { Json, JsonObject } from "../model.ts";

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
  /** What a webhook was sent; absent elsewhere. */
  readonly webhook?: { readonly body: Json; readonly headers: JsonObject };
  /** What stands for a secret in rendered values, for the worker to replace; absent: no secrets here. */
  readonly secretMarker?: (name: string) => string;
  /** Names that whoever triggered the run gave; absent: those whose value is not the definition's default. */
  readonly givenParameters?: readonly string[];
}
