import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { callTool } from "./call-tool.ts";
import type { ContainerTool } from "./enclosure.ts";

/** All calls of the engine together may take so long: a start does not wait for more. */
const sweepTimeoutMs = 20_000;
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

const tooLate = { exitCode: null, stdout: "", complaint: "no time was left to ask it" } as const;

interface Orphans {
  /** Containers that were found and are certainly gone now. */
  readonly removed: number;
  /** What the engine said when it did not answer, or did not remove them; null: nothing of the owner is left. */
  readonly problem: string | null;
}

/**
 * Removes every container of this owner, with all that runs in it: for a worker that starts and has none. One whose attempt
 * still has a folder is found by that (`killLeftovers`); this finds those that have nothing left on the host.
 */
export async function removeOrphans(
  tool: ContainerTool,
  owner: ContainerOwner,
  timeoutMs = sweepTimeoutMs,
): Promise<Orphans> {
  const deadline = performance.now() + timeoutMs;
  const call = (args: readonly string[]) => {
    const leftMs = Math.ceil(deadline - performance.now());
    if (leftMs <= 0) return Promise.resolve(tooLate);
    return callTool(tool.path, args, { environment: tool.environment, timeoutMs: leftMs });
  };
  const filters = ownerLabels(owner).flatMap((label) => ["--filter", `label=${label}`]);
  const list = ["ps", "--all", "--quiet", ...filters];
  const found = await call(list);
  if (found.exitCode !== 0) return { removed: 0, problem: found.complaint };
  const ids = idsIn(found.stdout);
  if (ids.length === 0) return { removed: 0, problem: null };
  const removal = await call(["rm", "--force", "--volumes", ...ids]);
  const left = await call(list);
  const said = removal.exitCode === 0 ? left.complaint : removal.complaint;
  if (left.exitCode !== 0) return { removed: 0, problem: said };
  const kept = idsIn(left.stdout).length;
  return { removed: ids.length - kept, problem: kept === 0 ? null : said };
}

function idsIn(stdout: string): readonly string[] {
  return stdout.split(/\s+/).filter((id) => id !== "");
}
