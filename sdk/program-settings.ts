import { readEnvironment } from "#config/environment.ts";
import { resolveSettings } from "#config/settings.ts";
import type { Settings } from "#config/settings-schema.ts";
import type { WorkerProgramOptions } from "./worker-program-options.ts";

/** Beside the folder of a server on the same machine, whose own worker keeps the usual one to itself. */
const usualDataDir = ".millrace/functions";

/** The settings of a worker program. Throws `INVALID_CONFIG`. */
export function resolveProgramSettings(options: WorkerProgramOptions): Settings {
  const environment = { MILLRACE_DATA_DIR: usualDataDir, ...readEnvironment() };
  const { executors, queues, slots, labels, workerId, dataDir, logLevel, plugins } = options;
  const given = { executors, queues, slots, labels, workerId, dataDir, logLevel };
  // An option that is not given is no flag, and leaves the word to the environment.
  const flags = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const settings = resolveSettings({ flags, environment, file: null });
  return plugins === undefined ? settings : { ...settings, operators: { ...settings.operators, plugins } };
}
