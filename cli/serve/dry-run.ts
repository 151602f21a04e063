import { mkdir, readdir } from "node:fs/promises";
import { resolve } from "node:path";
import type { Settings } from "#config/settings-schema.ts";
import { AppError, describeError } from "#errors/app-error.ts";
import type { Logger } from "#telemetry/logger.ts";
import { type CliContext, exitCodes } from "../context.ts";
import { checkPort } from "../serve-process.ts";

export interface DryRunOptions {
  readonly settings: Settings;
  /** What the service would use. Its own database is that of a process where none is named, the folder that of definitions. */
  readonly needs: "shared_database" | "shared_database_and_folder" | "own_database_and_folder" | "executors";
  readonly host: string;
  readonly port: number;
  readonly logger: Logger;
  readonly context: CliContext;
}

/** Checks port, database and folders, says what is found, one line each, and where it would listen. Exit code 1 when something is wrong. */
export async function dryRun(options: DryRunOptions): Promise<void> {
  const { context, host, port } = options;
  const checks: readonly (readonly [name: string, check: () => Promise<string>])[] = [
    ["configuration", () => Promise.resolve("settings are valid")],
    ["port", () => checkPort(options).then(() => `${host}:${port} is free`)],
    ...needChecks(options),
  ];
  let isGood = true;
  for (const [name, check] of checks) {
    const [isOk, text] = await check().then(
      (found) => [true, found] as const,
      (thrown: unknown) =>
        [
          false,
          AppError.from(thrown).code === "INTERNAL" ? describeError(thrown) : AppError.from(thrown).message,
        ] as const,
    );
    isGood &&= isOk;
    const mark = isOk ? context.terminal.paint("green", "✓") : context.terminal.paint("red", "✗");
    context.terminal.write(`${mark} ${name.padEnd(16)}${text}\n`);
  }
  if (isGood) context.terminal.write(`would listen at http://${host}:${port}\n`);
  else context.setExitCode(exitCodes.failed);
}

function needChecks({ settings, needs }: DryRunOptions): readonly (readonly [string, () => Promise<string>])[] {
  if (needs === "executors") {
    return [
      ["data directory", () => checkDataDirectory(settings)],
      ["executors", () => Promise.resolve(settings.peers.executors.join(", "))],
    ];
  }
  const definitions = ["definitions", () => checkDefinitions(settings)] as const;
  if (needs === "own_database_and_folder" && settings.database.url === null) {
    return [
      ["database", () => checkDataDirectory(settings).then((folder) => `embedded PostgreSQL in ${folder}`)],
      definitions,
    ];
  }
  const database = ["database", () => checkDatabase(settings)] as const;
  return needs === "shared_database" ? [database] : [database, definitions];
}

async function checkDatabase(settings: Settings): Promise<string> {
  const { sharedDatabaseUrl } = await import("./open-store.ts");
  const { migrationStatus } = await import("#store/postgres/migrate.ts");
  const statuses = await migrationStatus({ connectionString: sharedDatabaseUrl(settings) });
  const count = (state: string): number => statuses.filter((status) => status.state === state).length;
  if (count("changed") > 0)
    throw new AppError("MIGRATION_CHANGED", "an applied migration was changed; see `millrace db status`");
  return `answers; ${count("applied")} migrations applied, ${count("pending")} to apply`;
}

async function checkDataDirectory(settings: Settings): Promise<string> {
  const folder = resolve(settings.dataDir);
  try {
    await mkdir(folder, { recursive: true });
    return folder;
  } catch (cause) {
    throw new AppError(
      "DATA_DIR_UNUSABLE",
      `can't write to ${folder}: ${describeError(cause)}; choose another with --data-dir`,
      { cause },
    );
  }
}

async function checkDefinitions(settings: Settings): Promise<string> {
  const folder = resolve(settings.dags.directory);
  try {
    await readdir(folder);
    return folder;
  } catch (cause) {
    throw new AppError(
      "INVALID_CONFIG",
      `can't read the folder of the definitions ${folder}: ${describeError(cause)}; name it with --dags`,
      { cause },
    );
  }
}
