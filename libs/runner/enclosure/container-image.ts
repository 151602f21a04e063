import type { StartFailure } from "../find-executable.ts";
import { callTool } from "./call-tool.ts";
import type { ContainerEnclosure } from "./enclosure.ts";

/** Asking the engine whether it has an image may take so long, in milliseconds. */
const lookTimeoutMs = 30_000;
/** Fetching one may take so long, in milliseconds; the attempt's own timeout counts besides. */
const pullTimeoutMs = 30 * 60_000;

/** Sees to it that the engine has the image, as the policy says; null when it has. One try: the task's retries decide on more. */
export async function ensureImage(
  { tool, image, pull }: ContainerEnclosure,
  signal: AbortSignal,
): Promise<StartFailure | null> {
  const call = { environment: tool.environment, signal };
  if (pull !== "always") {
    const found = await callTool(tool.path, ["image", "inspect", "--format", "{{.Id}}", image], {
      ...call,
      timeoutMs: lookTimeoutMs,
    });
    if (found.exitCode === 0) return null;
    if (pull === "never") {
      const message = `${tool.kind} has no image ${image} on this worker, and \`worker.container_pull\` is never; load it, or allow pulling`;
      return { code: "image_missing", message, retryable: false };
    }
  }
  const pulled = await callTool(tool.path, ["pull", "--quiet", image], { ...call, timeoutMs: pullTimeoutMs });
  if (pulled.exitCode === 0) return null;
  return { code: "image_missing", message: `${tool.kind} can't get the image ${image}: ${pulled.complaint}` };
}
