import type { Settings } from "#config/settings-schema.ts";
import type { OperatorCatalog } from "#operators/operator-catalog.ts";

/** The kinds of work with those of the settings' plugins, which are looked for from the folder of the process. */
export async function loadOperators({ operators }: Pick<Settings, "operators">): Promise<OperatorCatalog> {
  const { loadCatalog } = await import("#operators/plugins/load-catalog.ts");
  return loadCatalog(operators.plugins, process.cwd());
}
