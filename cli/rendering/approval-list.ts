import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Approval } from "#gen/millrace/v1/approval_service_pb.js";
import type { Paint } from "./paint.ts";
import { harmlessLine } from "./terminal-text.ts";
import { durationText, instantText } from "./time-text.ts";

/** Questions that wait, each with its id, which answers name, and what its form asks for. */
export function renderApprovals(
  approvals: readonly Approval[],
  { now, paint }: { now: number; paint: Paint },
): readonly string[] {
  return approvals.flatMap((approval) => [
    harmlessLine(approval.taskInstanceId),
    `  ${harmlessLine(approval.question)}`,
    ...fieldsOf(approval).map((line) => `  ${line}`),
    paint("gray", `  ${waitingText(approval, now)}`),
  ]);
}

function fieldsOf({ form = {} }: Approval): readonly string[] {
  return Object.entries(form).map(([name, field]) => {
    const {
      type,
      required,
      default: fallback,
      enum: choices,
      description,
    } = field as Readonly<Record<string, unknown>>;
    const parts = [
      typeof type === "string" ? type : "any value",
      ...(Array.isArray(choices) ? [`one of ${choices.map((choice) => JSON.stringify(choice)).join(", ")}`] : []),
      ...(required === true && fallback === undefined ? ["required"] : []),
      ...(fallback === undefined ? [] : [`default ${JSON.stringify(fallback)}`]),
    ];
    const words = typeof description === "string" ? ` - ${description}` : "";
    return harmlessLine(`-a ${name}=… (${parts.join(", ")})${words}`);
  });
}

function waitingText({ waitingSince, dueAt, onTimeout, assignees }: Approval, now: number): string {
  const since = waitingSince === undefined ? "" : `waits ${durationText(now - timestampMs(waitingSince))}`;
  const until = dueAt === undefined ? "" : `, until ${instantText(timestampMs(dueAt))}, then ${onTimeout}`;
  const who = assignees.length === 0 ? "" : `, for ${assignees.join(", ")}`;
  return harmlessLine(`${since}${until}${who}`);
}
