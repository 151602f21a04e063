import { type Form, readForm } from "#definition/rendering/form-answers.ts";
import type { Json, JsonObject } from "#definition/model.ts";
import { AppError } from "#errors/app-error.ts";
import { answerOutputs, type ApprovalRequest, readApprovalRequest } from "#operators/approval-operator.ts";
import { readRunRequest, type RunRequest } from "#operators/trigger-dag-operator.ts";
import { readTimeWait, type TimeWait } from "#operators/wait-operator.ts";
import type { WaitKind } from "#ports/wait-store.ts";

/** The fields of a task that waits, rendered. */
export interface RenderedWait {
  readonly operatorType: string;
  readonly config: JsonObject;
  /** Of the definition. */
  readonly timezone: string;
}

export type ApprovalDetails = ApprovalRequest & { readonly form: Form };

/** What an instance is to wait for, as it is stored and read again by each look. */
export type WaitPlan =
  | { readonly kind: Extract<WaitKind, "time" | "condition">; readonly details: TimeWait }
  | { readonly kind: Extract<WaitKind, "approval">; readonly details: ApprovalDetails }
  | { readonly kind: Extract<WaitKind, "run">; readonly details: RunRequest };

/** Bytes of details as JSON. */
const maxDetailsBytes = 64 * 1024;

/** Reads what rendered fields ask for. Throws VALUE_UNUSABLE where a field can't take its value. */
export function planWait({ operatorType, config, timezone }: RenderedWait): WaitPlan {
  const plan = planOfType(operatorType, config, timezone);
  const bytes = Buffer.byteLength(JSON.stringify(plan.details));
  if (bytes <= maxDetailsBytes) return plan;
  throw new AppError(
    "VALUE_UNUSABLE",
    `the fields of \`operator\` have ${bytes} bytes, more than the ${maxDetailsBytes} that a task that waits may have; pass large values as outputs`,
  );
}

function planOfType(operatorType: string, config: JsonObject, timezone: string): WaitPlan {
  switch (operatorType) {
    case "wait": {
      const details = readTimeWait(config, timezone);
      return { kind: details.kind === "condition" ? "condition" : "time", details };
    }
    case "approval":
      return { kind: "approval", details: { ...readApprovalRequest(config), form: formOf(config["form"]) } };
    case "trigger_dag":
      return { kind: "run", details: readRunRequest(config, timezone) };
    default:
      throw new Error(`operator type ${operatorType} is no kind of wait`);
  }
}

function formOf(form: Json | undefined): Form {
  const fields = readForm(form ?? {});
  const taken = answerOutputs.find((name) => Object.hasOwn(fields, name));
  if (taken === undefined) return fields;
  throw new AppError(
    "VALUE_UNUSABLE",
    `\`form.${taken}\` has the name of an output that every answer leaves; rename it`,
  );
}
