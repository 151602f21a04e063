import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Command, InvalidArgumentError } from "commander";
import { withGateway } from "../client/gateway-client.ts";
import { type ClientFlags, withClientFlags, withExamples } from "../command-flags.ts";
import { type CliContext, exitCodes } from "../context.ts";
import { wholeNumber } from "../option-values.ts";
import { parseInstant } from "../parse-instant.ts";
import { type FireTimeList, renderFireTimes } from "../rendering/fire-time-view.ts";
import { fireNoteWord, timestampMillis } from "../rendering/proto-words.ts";
import { settingsFromFlags } from "../settings-from-flags.ts";
import { writeResult } from "../write-result.ts";

interface NextFlags extends ClientFlags {
  readonly count: number;
  readonly from?: number;
}

const maxCount = 1000;

export function configure(command: Command, context: CliContext): void {
  withClientFlags(command)
    .description(
      "Show the coming fire times of a DAG's schedule, in its zone and in yours. A file needs no server; times that the clocks or the calendar move are marked.",
    )
    .argument("<dag>", "id of the DAG, or the path of a definition")
    .option("-n, --count <number>", "how many", wholeNumber({ min: 1, max: maxCount }), 10)
    .option("--from <time>", "begin with this time: a date, or a time such as 2026-03-08T02:00:00Z", instant)
    .action((dag: string, flags: NextFlags) => showNext(dag, flags, context));
  withExamples(command, [
    ["millrace next quickstart", "of a DAG on the server"],
    ["millrace next dags/etl.yaml -n 3 --from 2026-03-07", "of a file"],
    ["millrace next dags/etl.yaml --output json", "for programs: a list of at, local and note"],
  ]);
}

async function showNext(dag: string, flags: NextFlags, context: CliContext): Promise<void> {
  const list = (await isFile(resolve(context.directory, dag)))
    ? await readFromFile(dag, flags, context)
    : await readFromServer(dag, flags, context);
  if (list === null) return context.setExitCode(exitCodes.usage);
  await writeResult(context, {
    format: flags.output,
    json: () => list.times,
    lines: (options) => renderFireTimes(list, { ...options, now: context.now() }),
  });
}

/** What looks like a path is one, so that a mistyped file is not asked for at a server. */
async function isFile(path: string): Promise<boolean> {
  if (/\.ya?ml$/i.test(path)) return true;
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

async function readFromFile(file: string, flags: NextFlags, context: CliContext): Promise<FireTimeList | null> {
  const { readValidDefinition } = await import("../local/read-valid-definition.ts");
  const { openSchedule } = await import("#schedule/schedule.ts");
  const { nextFireTimes } = await import("#schedule/next-fire-times.ts");
  const { formatWallTime } = await import("#schedule/zone.ts");
  const settings = await settingsFromFlags({ ...flags }, context);
  const read = await readValidDefinition(resolve(context.directory, file), settings, context);
  if (read === null) return null;
  const { id, schedule: spec, timezone } = read.definition;
  if (spec === null) return { dagId: id, text: "", timezone, isPaused: false, times: [] };
  const from = flags.from ?? context.now();
  // What runs once, runs when it is registered: as if that were then.
  const schedule = openSchedule(spec, from);
  const times = nextFireTimes(schedule, from - 1, flags.count).map(({ at, note }) => ({
    at: new Date(at).toISOString(),
    local: formatWallTime(at, schedule.zone),
    note,
  }));
  return { dagId: id, text: spec.text, timezone: spec.timezone, isPaused: false, times };
}

async function readFromServer(dagId: string, flags: NextFlags, context: CliContext): Promise<FireTimeList> {
  const from = flags.from === undefined ? {} : { from: timestampFromMs(flags.from) };
  const answer = await withGateway({ flags: { ...flags }, context }, (gateway) =>
    gateway.dags.listFireTimes({ dagId, limit: flags.count, ...from }),
  );
  return {
    dagId: answer.dagId,
    text: answer.scheduleInterval,
    timezone: answer.timezone,
    isPaused: answer.isPaused,
    times: answer.fireTimes.map(({ at, local, note }) => ({
      at: new Date(timestampMillis(at) ?? 0).toISOString(),
      local,
      note: fireNoteWord(note),
    })),
  };
}

function instant(text: string): number {
  const at = parseInstant(text);
  if (at === null) throw new InvalidArgumentError("It must be a date, or an RFC 3339 time with its zone.");
  return at;
}
