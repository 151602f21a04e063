import { existsSync } from "node:fs";
import { findExecutable } from "../find-executable.ts";
import { callTool } from "./call-tool.ts";
import type { ContainerTool } from "./enclosure.ts";
import { toolEnvironment } from "./tool-environment.ts";

/** An engine must answer within this time to be used, in milliseconds. */
const answerTimeoutMs = 3000;

/** Where distributions put the init process that podman gives to containers. */
const podmanInits: readonly string[] = [
  "/usr/libexec/podman/catatonit",
  "/usr/lib/podman/catatonit",
  "/usr/bin/catatonit",
];

interface Engine {
  readonly kind: ContainerTool["kind"];
  /** Asks the engine itself, not the program alone. */
  readonly question: readonly string[];
  readonly hasInit: (answer: string) => boolean;
}

const engines: readonly Engine[] = [
  {
    kind: "podman",
    question: ["info", "--format", "{{.Host.OCIRuntime.Name}}"],
    hasInit: () => podmanInits.some((path) => existsSync(path)),
  },
  {
    kind: "docker",
    question: ["info", "--format", "{{.InitBinary}}"],
    hasInit: (answer) => answer.trim() !== "",
  },
];

/**
 * The first engine that answers, or what each of them said; all are asked at once. One that is installed may still have no
 * daemon. `podman`, which has none, is what it answered before, where that still holds.
 */
export async function findContainerTool(
  host: Readonly<Record<string, string | undefined>>,
  podman: { readonly hasInit: boolean } | null = null,
): Promise<ContainerTool | { readonly reason: string }> {
  const environment = toolEnvironment(host);
  const known = podman === null ? null : findProgram("podman", environment);
  if (podman !== null && known !== null) return toTool("podman", known, { ...podman, environment });
  const reasons: string[] = [];
  const stop = new AbortController();
  const answers = engines.map((engine) => askEngine(engine, { environment, signal: stop.signal }));
  for (const answer of answers) {
    const found = await answer;
    if (found !== null && "path" in found) {
      // One that has not answered yet is not left behind.
      stop.abort();
      return found;
    }
    if (found !== null) reasons.push(found.reason);
  }
  return { reason: reasons.length === 0 ? "there is no program podman or docker; install one" : reasons.join("; ") };
}

/** Null: there is no such program. Never rejects. */
async function askEngine(
  { kind, question, hasInit }: Engine,
  { environment, signal }: { readonly environment: Readonly<Record<string, string>>; readonly signal: AbortSignal },
): Promise<ContainerTool | { readonly reason: string } | null> {
  const path = findProgram(kind, environment);
  if (path === null) return null;
  const call = { environment, timeoutMs: answerTimeoutMs, signal };
  const { exitCode, stdout, complaint } = await callTool(path, question, call);
  if (exitCode !== 0) return { reason: `${path} is there and can't be used: ${complaint}` };
  return toTool(kind, path, { hasInit: hasInit(stdout), environment });
}

function findProgram(name: string, environment: Readonly<Record<string, string>>): string | null {
  const found = findExecutable(name, { searchPath: environment["PATH"] ?? "", cwd: "/" });
  return "path" in found ? found.path : null;
}

function toTool(
  kind: ContainerTool["kind"],
  path: string,
  found: Pick<ContainerTool, "hasInit" | "environment">,
): ContainerTool {
  return { kind, path, ...found, user: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 } };
}
