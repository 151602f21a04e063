import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ProgramResult, runProgram } from "./run-program.ts";

/** The checkout; the installed package knows nothing of it. */
export const checkout = fileURLToPath(new URL("../../", import.meta.url));

const installDeadlineMs = 180_000;

export interface PackedFile {
  readonly path: string;
  readonly size: number;
}

/** The package `millrace`, built, packed and installed with npm into a project that was empty. */
export interface InstalledPackage {
  /** Folder of the project. */
  readonly project: string;
  /** Folder of the package below it. */
  readonly root: string;
  /** Size of the tarball, in bytes. */
  readonly packedSize: number;
  readonly files: readonly PackedFile[];
  /** Variables in which nothing leads to the checkout's programs. */
  readonly environment: Readonly<Record<string, string>>;
  /** Writes a file of the project. */
  write(path: string, text: string): Promise<void>;
  read(path: string): Promise<string>;
  /** Runs a program in the project, as one who installed the package would. */
  run(command: string, ...args: readonly string[]): Promise<ProgramResult>;
  remove(): Promise<void>;
}

export async function installPackage(): Promise<InstalledPackage> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-package-"));
  // The embedded server may run as another user, who has to reach its programs.
  await chmod(folder, 0o711);
  try {
    return await installInto(folder);
  } catch (thrown) {
    await rm(folder, { recursive: true, force: true });
    throw thrown;
  }
}

async function installInto(folder: string): Promise<InstalledPackage> {
  const project = join(folder, "project");
  await mkdir(project);
  await writeFile(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
  const environment = { PATH: pathOutside(checkout) };
  const run = (command: string, args: readonly string[], cwd: string): Promise<ProgramResult> =>
    runProgram(command, args, { cwd, environment, deadlineMs: installDeadlineMs });

  await mustSucceed(
    runProgram("npm", ["run", "build", "--ignore-scripts", "--silent", "--", join(folder, "package")], {
      cwd: checkout,
    }),
  );
  const packed = await mustSucceed(
    run("npm", ["pack", "--json", "--pack-destination", folder], join(folder, "package")),
  );
  const [{ filename, size, files }] = JSON.parse(packed) as [{ filename: string; size: number; files: PackedFile[] }];
  await rm(join(folder, "package"), { recursive: true });
  const flags = ["--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
  await mustSucceed(run("npm", ["install", ...flags, join(folder, filename)], project));
  return {
    project,
    root: join(project, "node_modules/millrace"),
    packedSize: size,
    files,
    environment,
    async write(path, text) {
      await mkdir(dirname(join(project, path)), { recursive: true });
      await writeFile(join(project, path), text);
    },
    read: (path) => readFile(join(project, path), "utf8"),
    run: (command, ...args) => run(command, args, project),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Paths of the files below a folder that contain a text. */
export async function findText(folder: string, text: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const isFound = await Promise.all(paths.map(async (path) => (await readFile(path, "utf8")).includes(text)));
  return paths.filter((_, index) => isFound[index]);
}

async function mustSucceed(program: Promise<ProgramResult>): Promise<string> {
  const { exitCode, stdout, stderr } = await program;
  if (exitCode !== 0) throw new Error(`ended with ${exitCode}\n${stdout}${stderr}`);
  return stdout;
}

/** PATH without the folders below one: what remains is the machine's own Node and npm. */
function pathOutside(folder: string): string {
  const entries = (process.env["PATH"] ?? "").split(delimiter);
  return entries.filter((entry) => !`${entry}/`.startsWith(folder)).join(delimiter);
}
