import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { callTool } from "./call-tool.ts";
import type { ContainerTool } from "./enclosure.ts";

/** One call of the engine may take so long, in milliseconds: a start does not wait for more. */
const callTimeoutMs = 20_000;
const homeLength = 16;

/** Whose a container is. Both together name one worker of one installation, also when its data directory is gone. */
export interface ContainerOwner {
  /** The worker's id. */
  readonly worker: string;
  /** Names the data directory on this host by its path alone. */
  readonly home: string;
}

export function containerOwner(worker: string, dataDirectory: string): ContainerOwner {
  const place = `${hostname()}\0${resolve(dataDirectory)}`;
  return { worker, home: createHash("sha256").update(place).digest("hex").slice(0, homeLength) };
}

/** As the engine keeps it with the container. */
export function ownerLabels({ worker, home }: ContainerOwner): readonly string[] {
  return [`millrace.worker=${worker}`, `millrace.home=${home}`];
}

interface Orphans {
  /** Containers that were found and are gone now. */
  readonly removed: number;
  /** What the engine said when it did not answer, or did not remove them; null: nothing of the owner is left. */
  readonly problem: string | null;
}

/**
 * Removes every container of this owner, with all that runs in it: for a worker that starts and has none. One whose attempt
 * still has a folder is found by that (`killLeftovers`); this finds those that have nothing left on the host.
 */
export async function removeOrphans(tool: ContainerTool, owner: ContainerOwner): Promise<Orphans> {
  const call = { environment: tool.environment, timeoutMs: callTimeoutMs };
  const filters = ownerLabels(owner).flatMap((label) => ["--filter", `label=${label}`]);
  const found = await callTool(tool.path, ["ps", "--all", "--quiet", ...filters], call);
  if (found.exitCode !== 0) return { removed: 0, problem: found.complaint };
  const ids = found.stdout.split(/\s+/).filter((id) => id !== "");
  if (ids.length === 0) return { removed: 0, problem: null };
  const removal = await callTool(tool.path, ["rm", "--force", "--volumes", ...ids], call);
  const left = await callTool(tool.path, ["ps", "--all", "--quiet", ...filters], call);
  const kept = left.stdout.split(/\s+/).filter((id) => id !== "");
  if (left.exitCode === 0 && kept.length === 0) return { removed: ids.length, problem: null };
  return { removed: ids.length - kept.length, problem: removal.exitCode === 0 ? left.complaint : removal.complaint };
}
