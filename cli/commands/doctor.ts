import type { Command } from "commander";
import { checkHere } from "../doctor/check-here.ts";
import { checkServer } from "../doctor/check-server.ts";
import { type Diagnosis, hasProblem, toJson } from "../doctor/diagnosis.ts";
import { type ClientFlags, withClientFlags, withExamples } from "../command-flags.ts";
import { type CliContext, exitCodes } from "../context.ts";
import { renderDiagnosis } from "../rendering/doctor-view.ts";
import { withProgress } from "../waiting.ts";
import { writeResult } from "../write-result.ts";

interface DoctorFlags extends ClientFlags {
  readonly repair?: boolean;
  readonly removeUnknownFiles?: boolean;
  readonly allFiles?: boolean;
}

export function configure(command: Command, context: CliContext): void {
  withClientFlags(command)
    .description(
      "Look for what is wrong: the configuration and this machine, the server with its database, versions and clocks, " +
        "and the state of all runs. What looks wrong is looked at twice, which takes seconds. Exit code 1 when there is a problem.",
    )
    .option("--repair", "repair what is safe; what was repaired is no problem any more")
    .option("--all-files", "look at all files of artifacts, however long that takes; without it for half a minute")
    .option(
      "--remove-unknown-files",
      "have all files of artifacts removed that no row knows, as after a restored backup; first see that no other installation keeps its files there",
    )
    .action((flags: DoctorFlags) => runDoctor(flags, context));
  withExamples(command, [
    ["millrace doctor", "each finding with what to do about it"],
    ["millrace doctor --repair", "and the repairs that are safe"],
    ["millrace doctor --server http://10.0.0.5:8080 --output json", "of another server, for programs"],
  ]);
}

async function runDoctor(flags: DoctorFlags, context: CliContext): Promise<void> {
  const diagnosis = await withProgress(context.terminal, "looking at runs and files", diagnose(flags, context));
  await writeResult(context, {
    format: flags.output,
    json: () => toJson(diagnosis),
    lines: (options) => renderDiagnosis(diagnosis, options),
  });
  if (hasProblem(diagnosis)) context.setExitCode(exitCodes.failed);
}

/** Without a configuration there is no server's address to ask at. */
async function diagnose(flags: DoctorFlags, context: CliContext): Promise<Diagnosis> {
  const given = { ...flags };
  const { checks, settings } = await checkHere({ flags: given, context });
  if (settings === null) return { checks, state: null };
  const { repair = false, removeUnknownFiles = false, allFiles = removeUnknownFiles } = flags;
  const asked = { repair, removeUnknownFiles, allFiles };
  const server = await checkServer({ flags: given, context, settings, asked });
  return { checks: [...checks, ...server.checks], state: server.state };
}
