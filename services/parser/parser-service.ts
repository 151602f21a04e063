import type { ConnectRouter } from "@connectrpc/connect";
import type { Problem } from "#definition/model.ts";
import { AppError } from "#errors/app-error.ts";
import { ParserService } from "#gen/millrace/v1/parser_service_pb.js";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import { archiveDag } from "./archive-dag.ts";
import type { ScanResult } from "./folder-scanner.ts";
import { type DefinitionRules, readDefinition } from "./read-definition.ts";
import { describeTakenHook, registerDefinition } from "./register-definition.ts";
import { createTemplateCalls } from "./template-calls.ts";
import type { TemplateShelf } from "./template-shelf.ts";

/** What a pushed definition is called in its problems when the caller gives no name. */
const pushedName = "definition";

/** Registers ParserService. `scanNow` answers when everything in the folder is in force. */
export function parserRoutes(options: {
  store: Store;
  /** The folder of definitions. */
  root: string;
  rules: DefinitionRules;
  shelf: TemplateShelf;
  scanNow: () => Promise<ScanResult>;
  logger: Logger;
}): (router: ConnectRouter) => void {
  const { store, rules, shelf, logger } = options;
  return (router) => {
    router.service(ParserService, {
      async scan() {
        const { files, registered, failed } = await options.scanNow();
        return { files, registered, failed };
      },
      async registerDefinition({ content, source }) {
        const name = source === "" ? pushedName : source;
        await shelf.refresh();
        const read = readDefinition(content, name, { ...rules, templates: shelf.catalog });
        if (read.kind === "invalid") return { problems: [...read.problems] };
        const { id } = read.definition;
        const result = await registerDefinition(store, read, null);
        if (result.kind === "taken") throw idTaken(id, name, result.filePath);
        if (result.kind === "hook_taken") {
          const message = `${describeTakenHook(read, name, result)}; rename it in one of the two`;
          throw new AppError("HOOK_NAME_TAKEN", message, { details: { hook: result.hook, dag_id: result.dagId } });
        }
        const { version, changed } = result;
        if (changed) logger.info({ dag_id: id, version, source: name }, "a pushed definition is in force");
        return { dagId: id, version, changed, problems: [...read.warnings] satisfies Problem[] };
      },
      async archiveDag({ dagId }) {
        await archiveDag(options, dagId);
        return {};
      },
      async setPaused({ dagId, isPaused }) {
        const isKnown = await store.definitions.setPaused(dagId, isPaused);
        if (!isKnown) throw new AppError("DAG_NOT_FOUND", `there is no DAG ${dagId}`, { details: { dag_id: dagId } });
        logger.info({ dag_id: dagId }, isPaused ? "paused a DAG" : "resumed a DAG");
        return {};
      },
      ...createTemplateCalls(options),
    });
  };
}

function idTaken(id: string, name: string, owner: string): AppError {
  const message = `the id ${id} in ${name} is taken by ${owner}, which stays in force; rename the DAG in one of the two`;
  return new AppError("DAG_ID_TAKEN", message, { details: { dag_id: id, file_path: owner } });
}
