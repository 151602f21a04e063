import { realpathSync } from "node:fs";
import { isWithin } from "#runner/enclosure/closed-folders.ts";
import type { ContainerOwner } from "#runner/enclosure/container-owner.ts";
import type { ContainerMount, Enclosure, PullPolicy } from "#runner/enclosure/enclosure.ts";
import type { EnclosureCapability, HostEnclosures } from "#runner/enclosure/host-enclosures.ts";
import { type Assignment, type AttemptReport, failureReport } from "./attempt.ts";

/** What a worker allows its containers. */
export interface ContainerPolicy {
  readonly pull: PullPolicy;
  /** Folders of the host below which containers may mount what their tasks name. Absolute. */
  readonly mountRoots: readonly string[];
}

/** What a worker knows of itself when it encloses an attempt. */
export interface EnclosurePolicy extends ContainerPolicy {
  /** No enclosed attempt sees more of it than its own folders. Absolute. */
  readonly dataDirectory: string;
  /** Whose its containers are. */
  readonly owner: ContainerOwner;
}

const imagePattern = /^[A-Za-z0-9][A-Za-z0-9._/:@-]{0,254}$/;

/**
 * What surrounds the processes of an attempt; null: nothing. An attempt that asks for what this host lacks is refused and
 * never runs open.
 */
export function enclosureOf(
  assignment: Assignment,
  host: HostEnclosures,
  policy: EnclosurePolicy,
): Enclosure | AttemptReport | null {
  const { enclosure, dagDirectory, operatorType } = assignment;
  if (enclosure === undefined && operatorType !== "container") return null;
  if (enclosure === undefined) return notEnclosedReport("a container was assigned without the enclosure that it needs");
  const { dataDirectory } = policy;
  const { network, filesystem, allowPaths } = enclosure;
  if (enclosure.isolation === "container") return containerOf(assignment, host, policy);
  const wanted: EnclosureCapability[] = [
    ...(network === "full" ? [] : [`network:${network}` as const]),
    ...(filesystem === "open" ? [] : ["filesystem:confined" as const]),
  ];
  const lacking = wanted.find((capability) => !host.capabilities.includes(capability));
  if (host.process === null || lacking !== undefined) return notHere(lacking ?? wanted[0] ?? "network:none", host);
  return {
    kind: "process",
    network,
    filesystem,
    readable: allowPaths,
    dagDirectory,
    dataDirectory,
    tools: host.process,
  };
}

function containerOf(
  { enclosure, operator, operatorType, dagDirectory, requests }: Assignment,
  host: HostEnclosures,
  { pull, mountRoots, dataDirectory, owner }: EnclosurePolicy,
): Enclosure | AttemptReport {
  if (host.container === null) return notHere("container", host);
  const isOwn = operatorType === "container";
  const image = isOwn ? operator["image"] : enclosure?.image;
  if (typeof image !== "string" || !imagePattern.test(image)) {
    const message = `${JSON.stringify(image ?? "")} is not the name of an image; one such as python:3.13-slim is needed`;
    return failureReport("configuration", message);
  }
  const mounts = isOwn ? readMounts(operator["mounts"], mountRoots) : [];
  if ("kind" in mounts) return mounts;
  const network = enclosure?.network ?? "none";
  const given = { dagDirectory, dataDirectory, mounts, owner };
  return { kind: "container", image, network, gpus: requests.gpus, ...given, pull, tool: host.container };
}

/** By their real paths, so that no link leads out of what the worker allows. */
function readMounts(given: unknown, roots: readonly string[]): readonly ContainerMount[] | AttemptReport {
  if (!Array.isArray(given)) return [];
  const mounts: ContainerMount[] = [];
  for (const { source, target, read_only: readOnly = true } of given as readonly Readonly<Record<string, unknown>>[]) {
    const real = realPath(String(source));
    if (real === null) return failureReport("not_found", `mounts: ${String(source)} does not exist on this worker`);
    if (!roots.some((root) => isWithin(realPath(root) ?? root, real))) {
      const allowed = roots.length === 0 ? "allows no mounts" : `allows ${roots.join(", ")}`;
      const message = `mounts: ${String(source)} may not be mounted; this worker ${allowed} (\`worker.container_mounts\`)`;
      return failureReport("permission_denied", message);
    }
    if (typeof target !== "string" || !target.startsWith("/")) {
      return failureReport("configuration", `mounts: ${String(target)} is not an absolute path`);
    }
    mounts.push({ source: real, target, readOnly: readOnly !== false && readOnly !== "false" });
  }
  return mounts;
}

function realPath(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}

function notHere(capability: EnclosureCapability, { missing }: HostEnclosures): AttemptReport {
  const reason = missing[capability] ?? "it was not looked for";
  return notEnclosedReport(`this worker can't enclose the attempt as ${capability}: ${reason}`);
}

/** No try of this worker would end otherwise. */
export function notEnclosedReport(message: string): AttemptReport {
  return failureReport("not_enclosed", message, false);
}
