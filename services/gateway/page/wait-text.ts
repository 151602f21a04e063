import { formatInstanceId } from "#core/instance-id.ts";
import type { WaitHolder, WaitReason } from "#gen/millrace/v1/task_service_pb.js";
import { type Html, type HtmlValue, html } from "./html.ts";
import { logPath, runIdPath } from "./paths.ts";

/** A time as explanations have it. */
const instant = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)/;

/**
 * Why a task instance waits, as `millrace explain` says it, each cause with links to what holds it; null where the state
 * says as much. What still waits carries `data-waits`: a worker that becomes free is no event of the run, so the script
 * looks from time to time.
 */
export function waitText(reasons: readonly WaitReason[]): Html | null {
  const told = reasons.filter(({ code, heldBy }) => code !== "running" && (code !== "ended" || heldBy.length > 0));
  if (told.length === 0) return null;
  const waits = told.some(({ code }) => code !== "ended") && html` data-waits`;
  return html`<div class="wrap"${waits}>${told.map((reason) => html`<div>${withLinks(reason)}</div>`)}</div>`;
}

/** Holders stand at the end of a text, in its order, so they are looked for from there. */
function withLinks({ text, heldBy }: WaitReason): readonly HtmlValue[] {
  const parts: HtmlValue[] = [];
  let end = text.length;
  for (const holder of heldBy.toReversed()) {
    const at = text.slice(0, end).lastIndexOf(holder.text);
    if (at < 0) continue;
    const link = html`<a href="${holderPath(holder)}">${holder.text}</a>`;
    parts.unshift(link, withTimes(text.slice(at + holder.text.length, end)));
    end = at;
  }
  return [withTimes(text.slice(0, end)), ...parts];
}

/** The script shows times in the reader's zone. */
function withTimes(text: string): readonly HtmlValue[] {
  return text.split(instant).map((part) => (instant.test(part) ? html`<time datetime="${part}">${part}</time>` : part));
}

/** An item of a fan-out is known by its key, which is not told here: its run lists it. */
function holderPath({ dagRunId, taskId, mapIndex }: WaitHolder): string {
  return taskId === "" || mapIndex !== undefined
    ? runIdPath(dagRunId)
    : logPath(formatInstanceId(dagRunId, taskId, null));
}
