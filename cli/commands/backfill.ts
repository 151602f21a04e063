import { type Command, InvalidArgumentError, Option } from "commander";
import { withClientFlags, withExamples } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import { changeBackfill, listBackfills, showBackfill } from "../backfill/manage-backfills.ts";
import { createBackfill } from "../backfill/create-backfill.ts";
import { parameterOption, wholeNumber } from "../option-values.ts";

const lowestPriority = -200;

export function configure(command: Command, context: CliContext): void {
  command.description("Make the runs of a range of dates, or make them again.");
  configureCreate(command, context);
  configureReading(command, context);
  configureChanging(command, context);
  withExamples(command, [
    ["millrace backfill create etl --from 2026-01-01 --to 2026-01-31 --dry-run", "what would happen"],
    ["millrace backfill create etl --from 2026-01-01 --to 2026-01-31 --follow", "the runs that January lacks"],
    ["millrace backfill show BACKFILL --follow", "how far it is"],
  ]);
}

function configureCreate(command: Command, context: CliContext): void {
  const create = command
    .command("create")
    .summary("create a backfill")
    .description(
      "Create a backfill of a DAG's schedule; both ends are included. With --follow the exit code tells its end: 0 success, 1 failed, 3 cancelled.",
    );
  withClientFlags(create)
    .argument("<dag>", "id of the DAG")
    .requiredOption("--from <time>", "the first day, as 2026-01-01 in the DAG's zone, or 2026-01-01T02:00:00Z")
    .requiredOption("--to <time>", "the last day, or the last time")
    .addOption(
      new Option("--selection <which>", "slots without a run, those whose run failed or was cancelled, or all")
        .choices(["missing", "failed", "all"])
        .default("missing"),
    )
    .addOption(new Option("--order <first>", "which slot begins first").choices(["oldest", "newest"]).default("oldest"))
    .option("--max-active <number>", "runs of it at once", wholeNumber({ min: 1, max: 1000 }), 4)
    .option("--priority <offset>", "added to the DAG's priority, -200 to 0", parsePriority, -10)
    .addOption(parameterOption())
    .option("--note <text>", "kept with the backfill and its runs", "")
    .option("--dry-run", "list the slots and what would happen, and change nothing")
    .option("--limit <number>", "slots that --dry-run lists", wholeNumber({ min: 1, max: 100_000 }), 40)
    .option("--idempotency-key <key>", "a repeated request with the same key gives the same backfill")
    .option("--follow", "show its progress until it has ended")
    .action((dagId: string, flags) => createBackfill(dagId, flags, context));
  withExamples(create, [
    ["millrace backfill create etl --from 2026-01-01 --to 2026-01-31", "31 runs of a daily DAG"],
    ["millrace backfill create etl --from 2026-01-01 --to 2026-01-31 --selection failed", "what failed, once more"],
    ["millrace backfill create etl --from 2026-01-01 --to 2026-01-07 --selection all -p full=true", "with a parameter"],
  ]);
}

function configureReading(command: Command, context: CliContext): void {
  const list = command.command("list").summary("list backfills").description("List backfills, newest first.");
  withClientFlags(list)
    .option("--dag <dag>", "only those of this DAG")
    .option("--state <states>", "only those in these states, separated by commas")
    .option("--limit <number>", "how many", wholeNumber({ min: 1, max: 100_000 }), 20)
    .action((flags) => listBackfills(flags, context));
  withExamples(list, [["millrace backfill list --state running", "what goes on"]]);
  const show = command
    .command("show")
    .summary("show a backfill")
    .description("Show a backfill with its progress. With --follow the exit code tells its end.");
  withClientFlags(show)
    .argument("<backfill>", "id of the backfill")
    .option("--runs", "its runs, newest first, too")
    .option("--follow", "show its progress until it has ended")
    .action((backfillId: string, flags) => showBackfill(backfillId, flags, context));
  withExamples(show, [["millrace backfill show BACKFILL --follow", "a bar until it has ended"]]);
}

function configureChanging(command: Command, context: CliContext): void {
  const pause = command
    .command("pause")
    .summary("pause a backfill")
    .description("Pause a backfill: it begins no runs, those that go on end.");
  withClientFlags(pause)
    .argument("<backfill>", "id of the backfill")
    .action((id: string, flags) => changeBackfill(id, { kind: "pause", flags, context }));
  withExamples(pause, [["millrace backfill pause BACKFILL", ""]]);
  const resume = command.command("resume").summary("resume a backfill").description("Resume a paused backfill.");
  withClientFlags(resume)
    .argument("<backfill>", "id of the backfill")
    .action((id: string, flags) => changeBackfill(id, { kind: "resume", flags, context }));
  withExamples(resume, [["millrace backfill resume BACKFILL", ""]]);
  const cancel = command
    .command("cancel")
    .summary("cancel a backfill")
    .description("Cancel a backfill: it begins no more runs, and those that go on end.");
  withClientFlags(cancel)
    .argument("<backfill>", "id of the backfill")
    .option("--cancel-runs", "cancel those that go on, too")
    .action((id: string, flags) => changeBackfill(id, { kind: "cancel", flags, context }));
  withExamples(cancel, [["millrace backfill cancel BACKFILL --cancel-runs", "stop everything of it"]]);
}

function parsePriority(text: string): number {
  const value = /^-?\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= lowestPriority && value <= 0) return value;
  throw new InvalidArgumentError(`It must be a whole number from ${lowestPriority} to 0.`);
}
