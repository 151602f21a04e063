import type { Definition, JsonObject } from "#definition/model.ts";
import { createLogger, type LogLevel } from "#telemetry/logger.ts";
import type { RunFlags } from "../commands/run.ts";
import { type CliContext, exitCodes } from "../context.ts";
import { followRun } from "../follow/follow-run.ts";
import { createLivePresenter, createPlainPresenter, createSilentPresenter } from "../follow/presenters.ts";
import type { RunPresenter } from "../follow/run-feed.ts";
import { parseParameterFlags, undeclaredParameters } from "../parameter-flags.ts";
import { readVersion } from "../program-version.ts";
import { outcomeExitCode } from "../run-outcome.ts";
import { settingsFromFlags } from "../settings-from-flags.ts";
import { type LocalRun, startLocalRun } from "./local-run.ts";
import { renderPlan } from "./plan-lines.ts";
import { readValidDefinition } from "./read-valid-definition.ts";
import { runAsJson } from "./run-json.ts";

/** `millrace run FILE`: a definition to its end in this process. */
export async function runFile(file: string, flags: RunFlags, context: CliContext): Promise<void> {
  const settings = await settingsFromFlags(flags, context);
  const read = await readValidDefinition(file, settings, context);
  if (read === null) return context.setExitCode(exitCodes.usage);
  const { definition } = read;
  const parameters = parseParameterFlags(flags.param, definition.parameters);
  warn(context, undeclaredParameters(Object.keys(parameters), definition.parameters));
  if (flags.dryRun === true) return printPlan(definition, parameters, context);
  // Problems of single tasks are the run's own to show; the parts that run it are heard when asked for.
  const level: LogLevel = flags["logLevel"] === undefined ? "silent" : settings.logging.level;
  const logger = createLogger({ level, format: settings.logging.format, component: "run" });
  const run = await startLocalRun({ file, read, parameters, settings, version: readVersion(), logger });
  try {
    warn(context, run.warnings);
    await showRun(run, flags, context);
  } finally {
    await run.stop();
  }
}

async function showRun(run: LocalRun, flags: RunFlags, context: CliContext): Promise<void> {
  const endInterrupt = context.onInterrupt((count) => {
    if (count > 1) return context.abort();
    return void run.cancel("interrupted").catch(() => context.abort());
  });
  try {
    const isJson = flags.output === "json";
    const progress = await followRun({
      feed: run.feed,
      presenter: choosePresenter(isJson, context),
      withLogs: !isJson,
      signal: new AbortController().signal,
    });
    context.setExitCode(outcomeExitCode(progress.state));
    if (isJson) context.terminal.write(`${JSON.stringify(await runAsJson(run.store, run.runId), null, 2)}\n`);
  } finally {
    endInterrupt();
  }
}

function choosePresenter(isJson: boolean, context: CliContext): RunPresenter {
  if (isJson) return createSilentPresenter();
  const { terminal, now } = context;
  return terminal.isInteractive
    ? createLivePresenter(terminal, { hint: "Ctrl-C cancels the run", now })
    : createPlainPresenter(terminal);
}

async function printPlan(definition: Definition, given: JsonObject, context: CliContext): Promise<void> {
  const { resolveParameters } = await import("#definition/rendering/resolve-parameters.ts");
  const now = context.now();
  const times = { logicalAt: now, intervalStartAt: now, intervalEndAt: now, now };
  const { parameters, warnings } = resolveParameters(definition, given, {
    ...times,
    runId: "dry-run",
    runType: "manual",
  });
  warn(context, warnings);
  context.terminal.write(`${renderPlan(definition, parameters, context.terminal.paint).join("\n")}\n`);
}

function warn({ terminal }: CliContext, warnings: readonly string[]): void {
  for (const warning of warnings) terminal.writeError(`${terminal.paintError("yellow", "warning:")} ${warning}\n`);
}
