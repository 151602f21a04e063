import { existsSync } from "node:fs";
import { findExecutable } from "../find-executable.ts";
import { callTool } from "./call-tool.ts";
import type { ContainerTool } from "./enclosure.ts";

/** An engine must answer within this time to be used, in milliseconds. */
const answerTimeoutMs = 3000;

/** Variables that tell an engine's program where the engine, its settings and its registries are. */
const toolNames: ReadonlySet<string> = new Set([
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "LANG",
  "TMPDIR",
  "DBUS_SESSION_BUS_ADDRESS",
  "REGISTRY_AUTH_FILE",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
]);
const toolPrefixes: readonly string[] = ["XDG_", "DOCKER_", "CONTAINER_", "CONTAINERS_"];

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

/** The first engine that answers, or what each of them said; all are asked at once. One that is installed may still have no daemon. */
export async function findContainerTool(
  host: Readonly<Record<string, string | undefined>>,
): Promise<ContainerTool | { readonly reason: string }> {
  const environment = toolEnvironment(host);
  const reasons: string[] = [];
  const answers = engines.map((engine) => askEngine(engine, environment));
  for (const answer of answers) {
    const found = await answer;
    if (found !== null && "path" in found) return found;
    if (found !== null) reasons.push(found.reason);
  }
  return { reason: reasons.length === 0 ? "there is no program podman or docker; install one" : reasons.join("; ") };
}

/** Null: there is no such program. Never rejects. */
async function askEngine(
  { kind, question, hasInit }: Engine,
  environment: Readonly<Record<string, string>>,
): Promise<ContainerTool | { readonly reason: string } | null> {
  const found = findExecutable(kind, { searchPath: environment["PATH"] ?? "", cwd: "/" });
  if (!("path" in found)) return null;
  const { path } = found;
  const { exitCode, stdout, complaint } = await callTool(path, question, { environment, timeoutMs: answerTimeoutMs });
  if (exitCode !== 0) return { reason: `${path} is there and can't be used: ${complaint}` };
  const user = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  return { kind, path, hasInit: hasInit(stdout), environment, user };
}

function toolEnvironment(host: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  const selected: Record<string, string> = {};
  for (const [name, value] of Object.entries(host)) {
    const isWanted = toolNames.has(name.toUpperCase()) || toolPrefixes.some((prefix) => name.startsWith(prefix));
    if (value !== undefined && isWanted) selected[name] = value;
  }
  return selected;
}
