import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { diffDefinitions } from "#definition/definition-diff.ts";
import { diffText } from "#definition/text-diff.ts";
import { AppError } from "#errors/app-error.ts";
import { type DefinitionRules, type ReadDefinition, readDefinition } from "#services/parser/read-definition.ts";
import { withGateway } from "../client/gateway-client.ts";
import type { ClientFlags } from "../command-flags.ts";
import { type CliContext, exitCodes } from "../context.ts";
import { loadOperators } from "../load-operators.ts";
import type { DefinitionChanges } from "../rendering/change-lines.ts";
import { type ContentDiff, renderDiff } from "../rendering/diff-lines.ts";
import { renderProblems } from "../rendering/problem-lines.ts";
import { settingsFromFlags } from "../settings-from-flags.ts";
import { templatesFor } from "../templates/template-files.ts";
import { unreadableFile } from "../unreadable-file.ts";
import { writeResult } from "../write-result.ts";

export interface DiffFlags extends ClientFlags {
  readonly file?: string;
}

interface Asked {
  readonly dagId: string;
  readonly file: string;
  /** As they were given; beside a file there may be none. */
  readonly versions: readonly (number | undefined)[];
}

/**
 * Shows what a file would change of the version in force. A file with errors is answered with all of them, and one of
 * another DAG with `INVALID_ARGUMENT`. Of a version that can't be read here, such as an instance of a template that is
 * not here, the lines alone are compared.
 */
export async function diffFile({ dagId, file, versions }: Asked, flags: DiffFlags, context: CliContext): Promise<void> {
  if (versions.some((version) => version !== undefined)) {
    const message = "`--file` is compared with the version in force; leave the numbers of versions out";
    throw new AppError("INVALID_ARGUMENT", message);
  }
  const content = await readFile(resolve(context.directory, file)).catch((cause: unknown) => {
    throw unreadableFile(file, cause);
  });
  const rules = await rulesOf(file, flags, context);
  const after = readDefinition(content, file, rules);
  if (after.kind === "invalid") {
    const { problems } = after;
    await writeResult(context, {
      format: flags.output,
      json: () => ({ dag_id: dagId, file, problems }),
      lines: ({ paint }) => renderProblems(problems, paint),
    });
    context.setExitCode(exitCodes.failed);
    return;
  }
  if (after.definition.id !== dagId) {
    throw new AppError(
      "INVALID_ARGUMENT",
      `${file} defines the DAG ${after.definition.id}, not ${dagId}; name that one`,
    );
  }
  const { version, content: text } = await readVersionInForce(dagId, flags, context);
  const before = readDefinition(Buffer.from(text), `${dagId} ${version}`, rules);
  const changes = changesBetween(before, after);
  const textDiff = diffText(text, after.text, { before: `${dagId} ${version}`, after: file });
  const diff: ContentDiff = { title: `${dagId} ${version} → ${file}`, changes, textDiff };
  await writeResult(context, {
    format: flags.output,
    json: () => ({ dag_id: dagId, from_version: version, file, ...jsonOf(changes), text_diff: textDiff }),
    lines: ({ paint }) => renderDiff(diff, paint),
  });
}

/** What the file is checked against: the rules of the settings, with the templates that are here. */
async function rulesOf(file: string, flags: DiffFlags, context: CliContext): Promise<DefinitionRules> {
  const settings = await settingsFromFlags(flags.config === undefined ? {} : { config: flags.config }, context);
  const { dags, limits } = settings;
  const { schemas: operators } = await loadOperators(settings);
  const templates = await templatesFor(resolve(context.directory, file), dags);
  return { operators, maxTaskTimeoutMs: limits.maxTaskTimeoutMs, templates };
}

async function readVersionInForce(
  dagId: string,
  flags: DiffFlags,
  context: CliContext,
): Promise<{ readonly version: number; readonly content: string }> {
  const { file: _file, ...client } = flags;
  return withGateway({ flags: client, context }, async (gateway) => {
    const { dag } = await gateway.dags.getDag({ dagId });
    const version = dag?.version ?? 0;
    const { dagVersion } = await gateway.dagVersions.getDagVersion({ dagId, version });
    if (dagVersion === undefined) throw new AppError("INTERNAL", "the server answered without a version");
    return { version, content: dagVersion.content };
  });
}

function changesBetween(before: ReadDefinition, after: ReadDefinition): DefinitionChanges | null {
  if (before.kind === "invalid" || after.kind === "invalid") return null;
  const { keys, tasksAdded, tasksRemoved, tasksChanged } = diffDefinitions(before.definition, after.definition);
  return {
    keysChanged: keys,
    tasksAdded,
    tasksRemoved,
    tasksChanged: tasksChanged.map(({ id, keys: changed }) => ({ taskId: id, keys: [...changed] })),
  };
}

/** In the words of `GET …/diff/…`; without what can't be told. */
function jsonOf(changes: DefinitionChanges | null): object {
  if (changes === null) return {};
  const { keysChanged, tasksAdded, tasksRemoved, tasksChanged } = changes;
  return {
    keys_changed: keysChanged,
    tasks_added: tasksAdded,
    tasks_removed: tasksRemoved,
    tasks_changed: tasksChanged.map(({ taskId, keys }) => ({ task_id: taskId, keys })),
  };
}
