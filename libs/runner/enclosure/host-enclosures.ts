import { findContainerTool } from "./find-container-tool.ts";
import type { ContainerTool, ProcessTools } from "./enclosure.ts";
import { findProcessTools } from "./find-process-tools.ts";
import { hostKey, keepFindings, readFindings, type Findings } from "./kept-findings.ts";

/** What a host may be able to do beyond running a process, in the words of its hello and of a task's needs. */
export type EnclosureCapability = "container" | "network:none" | "network:outbound" | "filesystem:confined";

/** What this host can enclose attempts with, found by trying it. */
export interface HostEnclosures {
  readonly capabilities: readonly EnclosureCapability[];
  /** Null: processes run open alone. */
  readonly process: ProcessTools | null;
  readonly container: ContainerTool | null;
  /** Why it lacks what it lacks, and what would help. */
  readonly missing: Readonly<Partial<Record<EnclosureCapability, string>>>;
}

/** What is known of a host that was not asked. */
export const noEnclosures: HostEnclosures = { capabilities: [], process: null, container: null, missing: {} };

/**
 * Tries what the host has, but for what was found before and still holds. Takes as long as the slowest of the tries, each of
 * which has a deadline. Never rejects.
 */
export async function findHostEnclosures(
  host: Readonly<Record<string, string | undefined>>,
  known: Findings | null = null,
): Promise<HostEnclosures> {
  const [processes, containers] = await Promise.all([
    findProcessTools(host, known?.processes),
    findContainerTool(host, known?.podman),
  ]);
  const missing = {
    ...("reason" in processes ? { "network:none": processes.reason, "filesystem:confined": processes.reason } : {}),
    ...(processes.outboundReason === null ? {} : { "network:outbound": processes.outboundReason }),
    ...("reason" in containers ? { container: containers.reason } : {}),
  };
  const all: readonly EnclosureCapability[] = ["container", "network:none", "network:outbound", "filesystem:confined"];
  return {
    capabilities: all.filter((name) => !(name in missing)),
    process: "reason" in processes ? null : processes.tools,
    container: "reason" in containers ? null : containers,
    missing,
  };
}

/** The same, with what earlier starts of the machine's present life have left in the file. `version` is the program's. */
export async function findEnclosuresOnce(
  host: Readonly<Record<string, string | undefined>>,
  { file, version }: { readonly file: string; readonly version: string },
): Promise<HostEnclosures> {
  const key = hostKey(host, version);
  const known = key === null ? null : await readFindings(file, key);
  const found = await findHostEnclosures(host, known);
  const findings = toFindings(found);
  if (key !== null && JSON.stringify(findings) !== JSON.stringify(known)) await keepFindings(file, key, findings);
  return found;
}

function toFindings({ capabilities, container }: HostEnclosures): Findings {
  const ofProcesses: readonly EnclosureCapability[] = ["network:none", "network:outbound", "filesystem:confined"];
  return {
    processes: ofProcesses.every((name) => capabilities.includes(name)),
    podman: container?.kind === "podman" ? { hasInit: container.hasInit } : null,
  };
}
