import { servicePorts } from "#config/settings-schema.ts";
import { createLogger } from "#telemetry/logger.ts";
import type { StartFlags } from "../commands/start.ts";
import type { CliContext } from "../context.ts";
import { readVersion } from "../program-version.ts";
import { serveProcess } from "../serve-process.ts";
import { settingsFromFlags } from "../settings-from-flags.ts";
import { type DryRunOptions, dryRun } from "./dry-run.ts";
import { loadService, openService, type ServiceName } from "./open-service.ts";
import { restartCompiled } from "./restart-compiled.ts";

/** `millrace start NAME`: one service until a signal. */
export async function runService(name: ServiceName, flags: StartFlags, context: CliContext): Promise<void> {
  const settings = await settingsFromFlags(flags, context);
  const logger = createLogger({ ...settings.logging, component: name });
  const host = settings.server.host;
  const port = settings.server.port ?? servicePorts[name];
  if (flags.dryRun === true) {
    return dryRun({ settings, needs: needsOf(name), host, port, logger, context });
  }
  await loadService(name, settings);
  restartCompiled();
  await serveProcess({
    host,
    port,
    logger,
    context,
    open: (signal) =>
      openService(name, { settings, version: readVersion(), isUnsafe: flags.unsafe === true, logger, signal }),
    onReady: (url) => {
      context.terminal.write(`millrace ${name} is ready at ${url}\n`);
      logger.info({ url }, "ready");
    },
  });
}

function needsOf(name: ServiceName): DryRunOptions["needs"] {
  if (name === "worker") return "executors";
  return name === "parser" ? "shared_database_and_folder" : "shared_database";
}
