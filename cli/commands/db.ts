import type { Command } from "commander";
import type { Settings } from "#config/settings-schema.ts";
import type { Logger } from "#telemetry/logger.ts";
import { type OutputFormat, withClientFlags, withExamples } from "../command-flags.ts";
import { type CliContext, exitCodes } from "../context.ts";
import { renderTable } from "../rendering/table.ts";
import { instantText } from "../rendering/time-text.ts";
import { type Flags, settingsFromFlags } from "../settings-from-flags.ts";
import { withProgress } from "../waiting.ts";
import { writeResult } from "../write-result.ts";

type DbFlags = Flags & { readonly output: OutputFormat };

export function configure(command: Command, context: CliContext): void {
  command.description(
    "Migrate the database, or show what is applied. Means DATABASE_URL, else the embedded one of the data directory.",
  );
  const migrate = command
    .command("migrate")
    .summary("apply missing migrations")
    .description("Apply the migrations that are missing, in order, under a lock.");
  withDatabaseFlags(migrate).action((flags: DbFlags) => migrateDatabase(flags, context));
  withExamples(migrate, [["DATABASE_URL=postgres://… millrace db migrate", ""]]);
  const status = command
    .command("status")
    .summary("show migrations")
    .description("Show which migrations are applied. Exit code 1 when one was changed after it was applied.");
  withDatabaseFlags(status).action((flags: DbFlags) => showStatus(flags, context));
  withExamples(status, [["millrace db status", ""]]);
  withExamples(command, [
    ["millrace db status", "what is applied"],
    ["DATABASE_URL=postgres://… millrace db migrate", "apply the rest"],
  ]);
}

function withDatabaseFlags(command: Command): Command {
  return withClientFlags(command).option("--data-dir <folder>", "folder of the embedded database (default: .millrace)");
}

async function migrateDatabase(flags: DbFlags, context: CliContext): Promise<void> {
  const { migrate } = await import("#store/postgres/migrate.ts");
  const settings = await settingsFromFlags(flags, context);
  const names = await withDatabase(settings, (connectionString, logger) =>
    withProgress(context.terminal, "applying migrations", migrate({ connectionString, logger })),
  );
  await writeResult(context, {
    format: flags.output,
    json: () => ({ applied: names }),
    lines: () => (names.length === 0 ? ["nothing to apply"] : names.map((name) => `applied ${name}`)),
  });
}

async function showStatus(flags: DbFlags, context: CliContext): Promise<void> {
  const { migrationStatus } = await import("#store/postgres/migrate.ts");
  const settings = await settingsFromFlags(flags, context);
  const statuses = await withDatabase(settings, (connectionString) => migrationStatus({ connectionString }));
  await writeResult(context, {
    format: flags.output,
    json: () =>
      statuses.map(({ name, state, appliedAt }) => ({ name, state, applied_at: appliedAt?.toISOString() ?? null })),
    lines: (options) =>
      renderTable({
        columns: [{ title: "MIGRATION" }, { title: "STATE" }, { title: "APPLIED" }],
        rows: statuses.map(({ name, state, appliedAt }) => [
          { text: name },
          { text: state, color: state === "changed" ? "red" : "plain" },
          { text: appliedAt === null ? "" : instantText(appliedAt.getTime()) },
        ]),
        ...options,
      }),
  });
  if (statuses.some(({ state }) => state === "changed")) context.setExitCode(exitCodes.failed);
}

/** Lends the database of the settings; an embedded one is started for it and stopped again. */
async function withDatabase<T>(
  settings: Settings,
  use: (connectionString: string, logger: Logger) => Promise<T>,
): Promise<T> {
  const { createLogger } = await import("#telemetry/logger.ts");
  const logger = createLogger({ level: "warn", format: settings.logging.format, component: "db" });
  if (settings.database.url !== null) return use(settings.database.url, logger);
  const { startEmbeddedPostgres } = await import("#store/postgres/embedded.ts");
  const embedded = await startEmbeddedPostgres({ dataDir: settings.dataDir, logger });
  try {
    return await use(embedded.connectionString, logger);
  } finally {
    await embedded.stop();
  }
}
