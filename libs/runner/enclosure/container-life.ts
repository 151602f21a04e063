import { writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { readText } from "../read-text.ts";
import { callTool } from "./call-tool.ts";
import { containerName } from "./container-command.ts";
import type { ContainerTool } from "./enclosure.ts";

/** One call of the engine may take so long before it is made again, in milliseconds. */
const callTimeoutMs = 20_000;
const firstLookAgainMs = 20;
const lookAgainMs = 2000;

/** Remembers how the container of an attempt is removed, before there is one, so that a later start of the worker can. */
export function noteContainer(path: string, tool: ContainerTool): void {
  writeFileSync(path, JSON.stringify(tool), { mode: 0o600 });
}

/** The engine that an attempt's container is in; null where it has none. */
export function readContainerNote(path: string): ContainerTool | null {
  const text = readText(path);
  return text === null || text === "" ? null : (JSON.parse(text) as ContainerTool);
}

/**
 * Kills the attempt's container, with all that runs in it, and removes it; resolves when the engine says that there is
 * none (G13). While the engine gives no answer nobody may believe that the attempt is gone, so that it asks on.
 */
export async function removeContainer(tool: ContainerTool, token: string): Promise<void> {
  const call = { environment: tool.environment, timeoutMs: callTimeoutMs };
  for (let waitMs = firstLookAgainMs; ; waitMs = Math.min(waitMs * 2, lookAgainMs)) {
    await callTool(tool.path, ["rm", "--force", "--volumes", containerName(token)], call);
    const found = await callTool(
      tool.path,
      ["ps", "--all", "--quiet", "--filter", `name=^${containerName(token)}$`],
      call,
    );
    if (found.exitCode === 0 && found.stdout.trim() === "") return;
    await delay(waitMs);
  }
}

/**
 * Asks the container's main process to end, through the engine: a signal to the engine's program gets lost while that
 * still sets the container up. Asks on while there is no container yet, as long as `isWanted` says so.
 */
export async function askContainerToEnd(tool: ContainerTool, token: string, isWanted: () => boolean): Promise<void> {
  const call = { environment: tool.environment, timeoutMs: callTimeoutMs };
  for (let waitMs = firstLookAgainMs; isWanted(); waitMs = Math.min(waitMs * 2, lookAgainMs)) {
    const asked = await callTool(tool.path, ["kill", "--signal", "TERM", containerName(token)], call);
    if (asked.exitCode === 0) return;
    await delay(waitMs);
  }
}
