import { z } from "zod";
import type { OperatorSchema } from "#ports/operator-schema.ts";
import { orExpression, textOf } from "./operator-fields.ts";
import { instantField, readInstant } from "./wait-operator.ts";

const badEnds = ["failed", "cancelled"] as const;

/** Which run to make, and what its end means. */
export interface RunRequest {
  readonly dagId: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Milliseconds since 1970; null: when the run is made. */
  readonly logicalAt: number | null;
  readonly replaceExisting: boolean;
  readonly wait: boolean;
  /** Ends of the run that fail the task. */
  readonly failOn: readonly string[];
}

/** Reads the rendered fields of `trigger_dag`; `timezone` is what a date without an offset is of. Throws VALUE_UNUSABLE. */
export function readRunRequest(config: Readonly<Record<string, unknown>>, timezone: string): RunRequest {
  const { parameters, logical_date: logicalDate, fail_on: failOn } = config;
  return {
    dagId: textOf(config, "dag_id"),
    parameters: typeof parameters === "object" && parameters !== null ? { ...parameters } : {},
    logicalAt: logicalDate === undefined ? null : readInstant("logical_date", logicalDate, timezone),
    replaceExisting: config["replace_existing"] === true,
    wait: config["wait"] !== false,
    failOn: Array.isArray(failOn) ? failOn.map(String) : badEnds,
  };
}

export const triggerDagSchema: OperatorSchema = {
  fields: z.strictObject({
    dag_id: z.string().min(1).describe("The DAG to run."),
    parameters: z
      .record(z.string(), z.json())
      .optional()
      .describe("Parameters of the run; they are checked by the DAG's own rules."),
    logical_date: instantField.optional().describe("The run's date; when the run is made by default."),
    replace_existing: z
      .boolean()
      .optional()
      .describe("True: the run takes the place of one of the same `logical_date`; false by default, which fails."),
    wait: z.boolean().optional().describe("False: the task ends once the run is made; true by default."),
    fail_on: orExpression(z.array(z.enum(badEnds)), `a list of ${badEnds.join(" and ")}`)
      .optional()
      .describe("Ends of the run that fail the task; both by default."),
  }),
  code: {},
  description: "Makes a run of another DAG, and waits for its end without a slot.",
  runsIn: "executor",
};
