import { findConfigFile } from "#config/config-file.ts";
import { resolveSettings } from "#config/settings.ts";
import type { Settings } from "#config/settings-schema.ts";
import type { CliContext } from "./context.ts";

/** Flags as commander gives them: the long name in camel case. */
export type Flags = Readonly<Record<string, unknown>> & { readonly config?: string; readonly server?: string };

/** `--server` and `MILLRACE_SERVER` are the command line's words for the gateway's address. */
const serverVariable = "MILLRACE_SERVER";
const gatewayVariable = "MILLRACE_GATEWAY";

/** The settings in force for a command: flag, else environment, else file, else default. Throws INVALID_CONFIG. */
export async function settingsFromFlags(flags: Flags, context: CliContext): Promise<Settings> {
  const { [serverVariable]: server, ...environment } = context.environment;
  const file = await findConfigFile({ flag: flags.config ?? null, environment, directory: context.directory });
  return resolveSettings({
    flags: flags.server === undefined ? flags : { ...flags, gateway: flags.server },
    environment: server === undefined || server === "" ? environment : { [gatewayVariable]: server, ...environment },
    file,
  });
}
