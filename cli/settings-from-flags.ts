import { findConfigFile } from "#config/config-file.ts";
import { resolveSettings } from "#config/settings.ts";
import type { Settings } from "#config/settings-schema.ts";
import type { CliContext } from "./context.ts";

/** Flags as commander gives them: the long name in camel case. */
export type Flags = Readonly<Record<string, unknown>> & { readonly config?: string };

/** The settings in force for a command: flag, else environment, else file, else default. Throws INVALID_CONFIG. */
export async function settingsFromFlags(flags: Flags, context: CliContext): Promise<Settings> {
  const { environment, directory } = context;
  const file = await findConfigFile({ flag: flags.config ?? null, environment, directory });
  return resolveSettings({ flags, environment, file });
}
