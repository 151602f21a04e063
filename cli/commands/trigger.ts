import { randomUUID } from "node:crypto";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Command } from "commander";
import { AppError } from "#errors/app-error.ts";
import { type DagRun, DagRunSchema } from "#gen/millrace/v1/run_service_pb.js";
import { followServerRun } from "../client/follow-server-run.ts";
import { withGateway } from "../client/gateway-client.ts";
import { readGivenParameters } from "../client/read-given-parameters.ts";
import { messageToJson } from "#rpc/rest/write-json.ts";
import { type ClientFlags, withClientFlags, withExamples } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import { parameterOption } from "../option-values.ts";
import { parseInstant } from "../parse-instant.ts";
import { runStateCell } from "../rendering/run-list.ts";
import { writeResult } from "../write-result.ts";

interface TriggerFlags extends ClientFlags {
  readonly param: readonly string[];
  readonly executionDate?: string;
  readonly note: string;
  readonly idempotencyKey?: string;
  readonly wait?: boolean;
  readonly follow?: boolean;
}

export function configure(command: Command, context: CliContext): void {
  withClientFlags(command)
    .description(
      "Create a run of a DAG. With --wait or --follow the exit code tells its end: 0 success, 1 failed, 3 cancelled.",
    )
    .argument("<dag>", "id of the DAG")
    .addOption(parameterOption())
    .option(
      "--execution-date <time>",
      "the time the run stands for, as 2026-01-31 or 2026-01-31T02:00:00Z (default: now)",
    )
    .option("--note <text>", "kept with the run", "")
    .option("--idempotency-key <key>", "a repeated request with the same key gives the same run")
    .option("--wait", "wait until the run has ended")
    .option("--follow", "show its progress and logs until it has ended")
    .action((dagId: string, flags: TriggerFlags) => triggerRun(dagId, flags, context));
  withExamples(command, [
    ["millrace trigger quickstart -p name=Ada --follow", "watch it to its end"],
    ["millrace trigger etl --execution-date 2026-01-31 --wait", "for scripts: exit code by outcome"],
    ["millrace trigger etl --idempotency-key build-42", "safe to repeat"],
  ]);
}

async function triggerRun(dagId: string, flags: TriggerFlags, context: CliContext): Promise<void> {
  await withGateway({ flags: { ...flags }, context }, async (gateway) => {
    const { dagRun, repeatedRequest } = await gateway.runs.triggerDagRun({
      dagId,
      parameters: await readGivenParameters(gateway, dagId, flags.param),
      note: flags.note,
      // Without a key of the caller's, one of our own: what the transport sends twice stays one run.
      requestId: flags.idempotencyKey ?? randomUUID(),
      ...executionDate(flags.executionDate),
    });
    if (dagRun === undefined) throw new AppError("INTERNAL", "the server's answer has no run");
    for (const warning of dagRun.warnings) context.terminal.writeError(`warning: ${warning}\n`);
    if (flags.wait === true || flags.follow === true) {
      await followServerRun(gateway, dagRun, { context, format: flags.output, isVisible: flags.follow === true });
      return;
    }
    await writeResult(context, {
      format: flags.output,
      json: () => messageToJson(DagRunSchema, dagRun),
      lines: ({ paint }) => triggeredLines(dagRun, { isRepeated: repeatedRequest, paint }),
    });
  });
}

function triggeredLines(
  run: DagRun,
  options: { isRepeated: boolean; paint: (color: "gray", text: string) => string },
): readonly string[] {
  const { text } = runStateCell(run);
  const repeated = options.isRepeated ? " (this key was used before: the same run)" : "";
  return [`${text} ${run.dagId} ${run.dagRunId}${repeated}`, options.paint("gray", `  millrace show ${run.dagRunId}`)];
}

function executionDate(text: string | undefined): { executionDate?: ReturnType<typeof timestampFromMs> } {
  if (text === undefined) return {};
  const at = parseInstant(text);
  if (at !== null) return { executionDate: timestampFromMs(at) };
  const message = `execution date "${text}" is not a time; write 2026-01-31, or 2026-01-31T02:00:00Z with its zone`;
  throw new AppError("INVALID_ARGUMENT", message);
}
