import { servicePorts } from "#config/settings-schema.ts";
import { createLogger } from "#telemetry/logger.ts";
import type { DevFlags } from "../commands/dev.ts";
import type { CliContext } from "../context.ts";
import { readVersion } from "../program-version.ts";
import { serveProcess } from "../serve-process.ts";
import { settingsFromFlags } from "../settings-from-flags.ts";
import { dryRun } from "./dry-run.ts";
import { openPage } from "./open-page.ts";

/** `millrace dev`: everything in this process until a signal. */
export async function runDev(flags: DevFlags, context: CliContext): Promise<void> {
  const settings = await settingsFromFlags(flags, context);
  const logger = createLogger({ ...settings.logging, component: "dev" });
  const host = settings.server.host;
  const port = settings.server.port ?? servicePorts.gateway;
  if (flags.dryRun === true) return dryRun({ settings, needs: "own_database_and_folder", host, port, logger, context });
  const { openAllServices } = await import("./open-all-services.ts");
  await serveProcess({
    host,
    port,
    logger,
    context,
    open: (signal) =>
      openAllServices({ settings, version: readVersion(), isUnsafe: flags.unsafe === true, logger, signal }),
    onReady: (url) => {
      context.terminal.write(`millrace is ready at ${url}\n`);
      logger.info({ url, dags: settings.dags.directory, data_dir: settings.dataDir }, "ready; Ctrl-C stops");
      if (flags.open && context.terminal.isInteractive) openPage(url, context.environment);
    },
  });
}
