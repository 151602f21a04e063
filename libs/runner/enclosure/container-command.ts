import type { ProcessOptions } from "#operators/operator.ts";
import type { AttemptDirectories } from "../attempt-directories.ts";
import type { AttemptLimits } from "../attempt-limits.ts";
import type { StartFailure } from "../find-executable.ts";
import { dataWithin } from "./closed-folders.ts";
import { ownerLabels } from "./container-owner.ts";
import type { ContainerEnclosure, ContainerMount } from "./enclosure.ts";
import { outboundNameServer } from "./outbound-resolver.ts";

/** Every container of ours has this label, its attempt's token the value. */
const containerLabel = "millrace.attempt";

/** The processes of an attempt run one after the other, so that one name is enough. */
export function containerName(token: string): string {
  return `millrace-${token}`;
}

interface ContainerPlace {
  readonly enclosure: ContainerEnclosure;
  readonly token: string;
  readonly directories: AttemptDirectories;
  readonly limits: AttemptLimits;
  /** File with the variables. */
  readonly environmentFile: string;
}

/**
 * The engine's options that run a process in a container of its own, attached. Pure but for a look at the host's folders and resolver. An empty `file` stands for the
 * image's own entry point. No value of a variable is among them.
 */
export function containerArguments(place: ContainerPlace, options: ProcessOptions): readonly string[] {
  const { enclosure, token, directories, environmentFile } = place;
  const { tool, image, network, gpus, owner } = enclosure;
  return [
    ...["run", "--name", containerName(token), "--label", `${containerLabel}=${token}`, "--pull", "never"],
    ...(owner === undefined ? [] : ownerLabels(owner).flatMap((label) => ["--label", label])),
    // What it writes is the attempt's log, masked and bounded; the engine keeps no other.
    ...["--stop-timeout", "0", "--sig-proxy=false", "--log-driver", "none"],
    ...[...networkOptions(tool.kind, network), ...(tool.kind === "podman" ? ["--http-proxy=false"] : [])],
    ...["--user", `${tool.user.uid}:${tool.user.gid}`],
    ...(tool.kind === "podman" && tool.user.uid !== 0 ? ["--userns", "keep-id"] : []),
    ...["--cap-drop", "ALL", "--security-opt", "no-new-privileges"],
    ...(tool.hasInit ? ["--init"] : []),
    ...(options.input === undefined ? [] : ["--interactive"]),
    ...limitOptions(place.limits),
    ...(gpus > 0 ? gpuOptions(tool.kind, gpus) : []),
    ...hiddenFolders(enclosure).flatMap((path) => ["--mount", hidingMount(tool.kind, path)]),
    ...mountsOf(enclosure, directories).flatMap((mount) => ["--mount", mountText(mount)]),
    ...["--env-file", environmentFile, "--workdir", options.cwd],
    ...(options.file === "" ? [] : ["--entrypoint", options.file]),
    ...["--", image, ...options.args],
  ];
}

/** The variables as the engines' files have them; a failure for one that has no place in such a file. */
export function environmentFileText(environment: Readonly<Record<string, string>>): string | StartFailure {
  const broken = Object.entries(environment).find(([, value]) => /[\r\n]/.test(value));
  if (broken !== undefined) {
    const message = `variable ${broken[0]} holds a line break, which no variable of a container can; pass the value in a file`;
    return { code: "configuration", message };
  }
  return Object.entries(environment)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}

/** Without a server that a container reaches podman would name public ones, which get to know what is asked. */
function networkOptions(kind: "podman" | "docker", network: ContainerEnclosure["network"]): readonly string[] {
  if (network === "full") return ["--network", "host"];
  if (network === "none") return ["--network", "none"];
  if (kind === "docker") return ["--network", "bridge"];
  const server = outboundNameServer();
  return ["--network", "slirp4netns:allow_host_loopback=false", ...(server === null ? [] : ["--dns", server])];
}

/** Without swap the limit is one of all memory. */
function limitOptions({ cpus, memoryBytes, processes }: AttemptLimits): readonly string[] {
  return [
    ...["--pids-limit", String(processes)],
    ...(cpus === null ? [] : ["--cpus", String(cpus)]),
    ...(memoryBytes === null ? [] : ["--memory", String(memoryBytes), "--memory-swap", String(memoryBytes)]),
  ];
}

/** Podman knows graphics processors by the names of the container device interface alone. */
function gpuOptions(kind: "podman" | "docker", count: number): readonly string[] {
  if (kind === "docker") return ["--gpus", String(count)];
  return Array.from({ length: count }, (_, index) => ["--device", `nvidia.com/gpu=${index}`]).flat();
}

/** The attempt's own folders are at the same paths inside, so that variables and arguments mean the same. */
function mountsOf(enclosure: ContainerEnclosure, directories: AttemptDirectories): readonly ContainerMount[] {
  const { work, temporary, artifacts, outputFile, code } = directories;
  const { dagDirectory, mounts } = enclosure;
  const same = (path: string, readOnly: boolean): ContainerMount => ({ source: path, target: path, readOnly });
  return [
    ...[work, temporary, artifacts, outputFile].map((path) => same(path, false)),
    same(code, true),
    ...(dagDirectory === "" ? [] : [same(dagDirectory, true)]),
    ...mounts,
  ];
}

/** Podman fills such a mount with what it covers unless it is told not to; docker never does. */
function hidingMount(kind: "podman" | "docker", path: string): string {
  return fieldsText(["type=tmpfs", `target=${path}`, ...(kind === "podman" ? ["notmpcopyup"] : [])]);
}

/** The engines mount folders before what is below them, in whatever order they are named. */
function hiddenFolders({ dagDirectory, dataDirectory }: ContainerEnclosure): readonly string[] {
  return dagDirectory === "" ? [] : dataWithin([dagDirectory], dataDirectory);
}

function mountText({ source, target, readOnly }: ContainerMount): string {
  return fieldsText(["type=bind", `source=${source}`, `target=${target}`, ...(readOnly ? ["readonly"] : [])]);
}

/** The engines read a list of values separated by commas, in which a quoted one may hold a comma. */
function fieldsText(fields: readonly string[]): string {
  return fields.map((field) => (/[",]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(",");
}
