import { pathToFileURL } from "node:url";
import { AppError, describeError } from "#errors/app-error.ts";
import { builtInCatalog, type CatalogParts, createCatalog, type OperatorCatalog } from "../operator-catalog.ts";
import type { PlacedMiddleware } from "../middleware-context.ts";
import { operatorSchemas, type RegistryEntry } from "../registry.ts";
import { locatePlugin } from "./locate-plugin.ts";
import type { OperatorPlugin, PluginModule } from "./operator-plugin.ts";
import { toRegistryEntry } from "./plugin-entry.ts";

/** A plugin as a module: its operators and middlewares, and the name that the settings call it by. */
interface LoadedPlugin {
  readonly entries: readonly RegistryEntry[];
  readonly middlewares: readonly PlacedMiddleware[];
}

/**
 * The kinds of work with those of the plugins, which are files or packages, seen from the folder. Throws `INVALID_CONFIG`
 * for the first plugin that can't be loaded or used, with its file and the cause.
 */
export async function loadCatalog(
  plugins: readonly string[],
  directory: string,
  parts: Omit<CatalogParts, "added"> = {},
): Promise<OperatorCatalog> {
  if (plugins.length === 0 && Object.keys(parts).length === 0) return builtInCatalog;
  const owners = new Map([...operatorSchemas.keys()].map((type) => [type, "built in"]));
  const loaded: LoadedPlugin[] = [];
  for (const plugin of plugins) {
    const one = await loadPlugin(plugin, directory);
    for (const { operator } of one.entries) {
      const owner = owners.get(operator.type);
      if (owner !== undefined) throw broken(plugin, `its operator ${operator.type} is there already (${owner})`);
      owners.set(operator.type, `from ${plugin}`);
    }
    loaded.push(one);
  }
  return createCatalog({
    ...parts,
    added: loaded.flatMap(({ entries }) => entries),
    middlewares: [...(parts.middlewares ?? []), ...loaded.flatMap(({ middlewares }) => middlewares)],
  });
}

async function loadPlugin(plugin: string, directory: string): Promise<LoadedPlugin> {
  const { operators = [], middlewares = [] } = await importPlugin(plugin, directory);
  if (!Array.isArray(operators) || !Array.isArray(middlewares) || operators.length + middlewares.length === 0) {
    throw broken(plugin, "it must export a list `operators`, or a list `middlewares`");
  }
  return {
    entries: (operators as readonly OperatorPlugin[]).map((operator, place) => {
      try {
        return toRegistryEntry(operator);
      } catch (error) {
        throw broken(plugin, `operators[${place}]: ${describeError(error)}`, error);
      }
    }),
    middlewares: (middlewares as NonNullable<PluginModule["middlewares"]>).map(({ type, middleware }, place) => {
      if (typeof middleware === "function") return { type: type ?? null, middleware };
      throw broken(plugin, `middlewares[${place}]: its \`middleware\` must be a function`);
    }),
  };
}

async function importPlugin(plugin: string, directory: string): Promise<PluginModule> {
  let path: string | null = null;
  try {
    path = locatePlugin(plugin, directory);
    return (await import(pathToFileURL(path).href)) as PluginModule;
  } catch (error) {
    const where = path === null || path === plugin ? "" : ` of ${path}`;
    throw broken(plugin, `the import${where} failed: ${describeError(error)}`, error);
  }
}

function broken(plugin: string, problem: string, cause?: unknown): AppError {
  const message = `the plugin ${plugin} (operators.plugins) can't be used: ${problem}`;
  return new AppError("INVALID_CONFIG", message, { cause, details: { plugin } });
}
