import { setTimeout as delay } from "node:timers/promises";
import { readNote, writeNote } from "../note-file.ts";
import { readText } from "../read-text.ts";
import { callTool } from "./call-tool.ts";
import { containerName } from "./container-command.ts";
import type { ContainerTool } from "./enclosure.ts";

/** One call of the engine may take so long before it is made again, in milliseconds. */
const callTimeoutMs = 20_000;
const firstLookAgainMs = 20;
const lookAgainMs = 10_000;
const askAgainMs = 2000;

/** What is known of the container of an attempt that nobody looks after any more. */
interface ContainerNote {
  readonly tool: ContainerTool;
  /** False: the host has started anew since, so that nothing of it runs. */
  readonly mayRun: boolean;
}

interface Removal {
  /** Hears of each round in which the engine gave no answer. */
  readonly tell: (message: string) => void;
  /** Ends the asking. Absent: nothing does. */
  readonly signal?: AbortSignal;
}

/** Remembers how the container of an attempt is removed, before there is one, so that a later start of the worker can. */
export function noteContainer(path: string, tool: ContainerTool): void {
  writeNote(path, { ...tool, bootId: readBootId() });
}

/** The engine that an attempt's container is in; null where it has none. */
export function readContainerNote(path: string): ContainerNote | "unreadable" | null {
  const note = readNote(path);
  if (note === null || note === "unreadable") return note;
  const { bootId = null, ...tool } = note as Partial<ContainerTool> & { readonly bootId?: string | null };
  if (!isTool(tool)) return "unreadable";
  return { tool, mayRun: bootId === null || bootId === readBootId() };
}

/**
 * Kills the attempt's container, with all that runs in it, and removes it; resolves when the engine says that there is
 * none (G13). While the engine gives no answer nobody may believe that the attempt is gone, so that it asks on. False:
 * it was told to ask no more.
 */
export async function removeContainer(tool: ContainerTool, token: string, removal: Removal): Promise<boolean> {
  const { tell, signal } = removal;
  const call = { environment: tool.environment, timeoutMs: callTimeoutMs, ...(signal === undefined ? {} : { signal }) };
  const name = containerName(token);
  for (let waitMs = firstLookAgainMs; ; waitMs = Math.min(waitMs * 2, lookAgainMs)) {
    const removed = await callTool(tool.path, ["rm", "--force", "--volumes", name], call);
    const found = await callTool(tool.path, ["ps", "--all", "--quiet", "--filter", `name=^${name}$`], call);
    if (found.exitCode === 0 && found.stdout.trim() === "") return true;
    if (signal?.aborted === true) return false;
    const failed = found.exitCode === 0 ? removed : found;
    if (failed.exitCode !== 0)
      tell(`${tool.path} does not remove container ${name}: ${failed.complaint}; asking again in ${waitMs} ms`);
    await delay(waitMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  }
}

/** Asks once: an engine has what is left of its containers also after the host's start. */
export async function forgetContainer(tool: ContainerTool, token: string): Promise<void> {
  const call = { environment: tool.environment, timeoutMs: callTimeoutMs };
  await callTool(tool.path, ["rm", "--force", "--volumes", containerName(token)], call);
}

/**
 * Asks the container's main process to end, through the engine: a signal to the engine's program gets lost while that
 * still sets the container up. Asks on while there is no container yet, as long as `isWanted` says so.
 */
export async function askContainerToEnd(tool: ContainerTool, token: string, isWanted: () => boolean): Promise<void> {
  const call = { environment: tool.environment, timeoutMs: callTimeoutMs };
  for (let waitMs = firstLookAgainMs; isWanted(); waitMs = Math.min(waitMs * 2, askAgainMs)) {
    const asked = await callTool(tool.path, ["kill", "--signal", "TERM", containerName(token)], call);
    if (asked.exitCode === 0) return;
    await delay(waitMs);
  }
}

function isTool(tool: Partial<ContainerTool>): tool is ContainerTool {
  return typeof tool.path === "string" && typeof tool.environment === "object" && tool.environment !== null;
}

/** Another one after each start of the host; null where the host does not tell. */
function readBootId(): string | null {
  return readText("/proc/sys/kernel/random/boot_id")?.trim() ?? null;
}
