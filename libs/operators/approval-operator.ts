import { z } from "zod";
import type { OperatorSchema } from "#ports/operator-schema.ts";
import { durationField, orExpression, textOf } from "./operator-fields.ts";
import { readDuration } from "./wait-operator.ts";

const timeoutActions = ["approve", "reject", "fail", "skip"] as const;
const rejectActions = ["fail", "skip", "continue"] as const;

/** What is asked, and what follows from a `no` or from silence. The form is read where its rules are known. */
export interface ApprovalRequest {
  readonly question: string;
  readonly assignees: readonly string[];
  /** Null: it waits as long as it takes. */
  readonly timeoutMs: number | null;
  readonly onTimeout: (typeof timeoutActions)[number];
  readonly onReject: (typeof rejectActions)[number];
}

/** Outputs that every answer leaves; no field of a form may have their names. */
export const answerOutputs = ["decision", "comment", "answered_by", "answered_at"] as const;

/** Reads the rendered fields of `approval`, except the form. Throws VALUE_UNUSABLE. */
export function readApprovalRequest(config: Readonly<Record<string, unknown>>): ApprovalRequest {
  const { assignees, timeout } = config;
  return {
    question: textOf(config, "question"),
    assignees: (Array.isArray(assignees) ? assignees : []).map(String),
    timeoutMs: timeout === undefined ? null : readDuration("timeout", timeout),
    onTimeout: timeoutActions.find((action) => action === config["on_timeout"]) ?? "fail",
    onReject: rejectActions.find((action) => action === config["on_reject"]) ?? "fail",
  };
}

const oneOf = <T extends readonly string[]>(words: T) => orExpression(z.enum(words), `one of ${words.join(", ")}`);

export const approvalSchema: OperatorSchema = {
  fields: z.strictObject({
    question: z.string().min(1).max(10_000).describe("What people are asked."),
    form: z
      .record(
        z
          .string()
          .refine(
            (name) => !answerOutputs.some((taken) => taken === name),
            `can't be one of ${answerOutputs.join(", ")}`,
          ),
        z.unknown(),
      )
      .optional()
      .describe("Fields to fill in, in the form of `parameters`; the answers become outputs."),
    assignees: orExpression(z.array(z.string().min(1)).max(100), "a list of names")
      .optional()
      .describe("Who is asked; lists can be narrowed to it."),
    timeout: durationField.optional().describe("The longest wait for an answer; none by default."),
    on_timeout: oneOf(timeoutActions)
      .optional()
      .describe("What follows when nobody answers in time; `fail` by default."),
    on_reject: oneOf(rejectActions).optional().describe("What a rejection comes to; `fail` by default."),
  }),
  code: {},
  forms: ["form"],
  description: "Waits for a decision of people, without a slot; their answers are outputs.",
  runsIn: "executor",
};
