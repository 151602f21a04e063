import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { AppError } from "#errors/app-error.ts";
import {
  type InstanceChange,
  InstanceChangeKind,
  type TemplatePlan,
  TemplatePlanSchema,
} from "#gen/millrace/v1/template_service_pb.js";
import { messageToJson } from "#rpc/rest/write-json.ts";
import { withGateway } from "../client/gateway-client.ts";
import type { ClientFlags } from "../command-flags.ts";
import { type CliContext, exitCodes } from "../context.ts";
import { renderChanges } from "../rendering/change-lines.ts";
import type { Paint } from "../rendering/paint.ts";
import { harmlessLine } from "../rendering/terminal-text.ts";
import { withProgress } from "../waiting.ts";
import { writeResult } from "../write-result.ts";
import { unreadableFile } from "../unreadable-file.ts";

export interface UpdateFlags extends ClientFlags {
  readonly instances?: readonly string[];
  readonly plan?: boolean;
}

export interface ImpactFlags extends ClientFlags {
  readonly file?: string;
}

/** Says what an update would change, with the templates as they are or with those of a file. */
export async function showImpact(name: string, flags: ImpactFlags, context: CliContext): Promise<void> {
  const content = flags.file === undefined ? "" : await readContent(flags.file, context);
  const { plan } = await withGateway({ flags: { ...flags }, context }, (gateway) =>
    gateway.templates.getTemplateImpact({ name, content }),
  );
  await writePlan(plan, flags, context);
}

/** Makes instances again, or says what would become of them. */
export async function updateInstances(name: string, flags: UpdateFlags, context: CliContext): Promise<void> {
  const { plan } = await withGateway({ flags: { ...flags }, context }, (gateway) =>
    withProgress(
      context.terminal,
      `updating the instances of ${name}`,
      gateway.templates.updateTemplateInstances({
        name,
        instances: [...(flags.instances ?? [])],
        plan: flags.plan === true,
      }),
    ),
  );
  await writePlan(plan, flags, context);
}

async function writePlan(plan: TemplatePlan | undefined, flags: ClientFlags, context: CliContext): Promise<void> {
  if (plan === undefined) throw new AppError("INTERNAL", "the server's answer has no plan");
  await writeResult(context, {
    format: flags.output,
    json: () => messageToJson(TemplatePlanSchema, plan),
    lines: ({ paint }) => renderPlan(plan, paint),
  });
  if (plan.instances.some(({ kind }) => kind === InstanceChangeKind.BROKEN)) context.setExitCode(exitCodes.failed);
}

function renderPlan({ name, instances }: TemplatePlan, paint: Paint): readonly string[] {
  if (instances.length === 0) return [`nothing was made from the template ${name}`];
  return instances.flatMap((change) => [headOf(change, paint), ...detailsOf(change, paint)]);
}

function headOf({ dagId, kind, fromVersion, toVersion, dagVersion, filePath }: InstanceChange, paint: Paint): string {
  const place = filePath === "" ? "" : ` ${paint("gray", filePath)}`;
  const versions = fromVersion === toVersion ? fromVersion : `${fromVersion} → ${toVersion}`;
  const name = paint("plain", harmlessLine(dagId), "bold");
  switch (kind) {
    case InstanceChangeKind.UNCHANGED:
      return `${paint("gray", "=")} ${name} ${versions} stays as it is${place}`;
    case InstanceChangeKind.CHANGED: {
      const done = dagVersion === 0 ? "" : paint("green", ` version ${dagVersion} is in force`);
      return `${paint("yellow", "~")} ${name} ${versions}${done}${place}`;
    }
    default:
      return `${paint("red", "✗")} ${name} ${fromVersion} can't be made again; what is in force stays${place}`;
  }
}

function detailsOf(change: InstanceChange, paint: Paint): readonly string[] {
  return [
    ...renderChanges(change, paint),
    ...change.problems.map(({ file, line, column, code, message }) =>
      harmlessLine(`    ${file}:${line}:${column} ${code} ${message}`),
    ),
  ];
}

async function readContent(file: string, context: CliContext): Promise<string> {
  return readFile(resolve(context.directory, file), "utf8").catch((cause: unknown) => {
    throw unreadableFile(file, cause);
  });
}
