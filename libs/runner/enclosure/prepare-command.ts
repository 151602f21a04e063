import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ProcessOptions } from "#operators/operator.ts";
import type { AttemptDirectories } from "../attempt-directories.ts";
import type { AttemptLimits } from "../attempt-limits.ts";
import { joinCgroup } from "../cgroup.ts";
import { findExecutable, isDirectory, type StartFailure, systemPath } from "../find-executable.ts";
import { tokenVariable } from "../process-tree.ts";
import { confinedPath } from "./confined-mounts.ts";
import { containerArguments, environmentFileText } from "./container-command.ts";
import { encloseProcess } from "./enclose-process.ts";
import type { ContainerEnclosure, Enclosure, ProcessEnclosure } from "./enclosure.ts";

/** Where and within what a process of an attempt runs. */
export interface CommandPlace {
  readonly token: string;
  readonly directories: AttemptDirectories;
  /** Null: the host has none, or the engine's own holds the container. */
  readonly cgroup: string | null;
  /** Where the runner is, if processes are born in the attempt's cgroup; null: they join it themselves. */
  readonly home: string | null;
  /** Null: nothing surrounds it. */
  readonly enclosure: Enclosure | null;
  readonly limits: AttemptLimits;
}

/** What is really spawned. */
export interface PreparedCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  /** What its descriptor 3 gives; null: there is none. */
  readonly optionsText: string | null;
}

/** Writes the files of a process, and answers the command that runs it in its place. */
export function prepareCommand(options: ProcessOptions, place: CommandPlace): PreparedCommand | StartFailure {
  const { enclosure, directories } = place;
  if (enclosure !== null) mkdirSync(directories.code, { recursive: true });
  for (const [path, text] of Object.entries(options.files ?? {})) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  if (enclosure?.kind === "container") return inContainer(options, enclosure, place);
  if (!isDirectory(options.cwd))
    return { code: "not_found", message: `the working directory ${options.cwd} does not exist` };
  const given = options.environment["PATH"] ?? "";
  const searchPath = enclosure?.filesystem === "confined" ? confinedPath(given, enclosure) : given;
  const found = findExecutable(options.file, { searchPath, cwd: options.cwd });
  if (!("path" in found)) return found;
  const environment = { ...options.environment, [tokenVariable]: place.token };
  if (enclosure !== null) {
    const seen = given === "" ? environment : { ...environment, PATH: searchPath };
    return enclosed(found.path, { ...options, environment: seen }, enclosure, place);
  }
  const plain = withinCgroup({ file: found.path, args: options.args }, place);
  return { ...plain, cwd: options.cwd, environment, optionsText: null };
}

function enclosed(
  program: string,
  { args, cwd, environment }: ProcessOptions,
  enclosure: ProcessEnclosure,
  place: CommandPlace,
): PreparedCommand | StartFailure {
  const { directories, token } = place;
  const command = encloseProcess({ enclosure, directories, program, cwd }, args, environment);
  if ("code" in command) return command;
  const outside = { PATH: systemPath, TMPDIR: directories.base, [tokenVariable]: token };
  return { ...command, ...withinCgroup(command, place), cwd: directories.base, environment: outside };
}

/** The engine's own process carries no token: the watch over an attempt's processes is not for it. */
function inContainer(
  options: ProcessOptions,
  enclosure: ContainerEnclosure,
  { token, directories, limits }: CommandPlace,
): PreparedCommand | StartFailure {
  const environmentFile = join(directories.base, "environment");
  const text = environmentFileText({ ...options.environment, [tokenVariable]: token });
  if (typeof text !== "string") return text;
  writeFileSync(environmentFile, text, { mode: 0o600 });
  const { path, environment } = enclosure.tool;
  const args = containerArguments({ enclosure, token, directories, limits, environmentFile }, options);
  return { file: path, args, cwd: directories.base, environment, optionsText: null };
}

function withinCgroup(
  { file, args }: { readonly file: string; readonly args: readonly string[] },
  { cgroup, home }: CommandPlace,
): { readonly file: string; readonly args: readonly string[] } {
  return cgroup === null || home !== null ? { file, args } : joinCgroup(cgroup, file, args);
}
