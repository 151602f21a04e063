import { parseDuration } from "#schedule/duration.ts";
import { nextFireTime } from "#schedule/next-fire-times.ts";
import { defaultDst, openSchedule, type ScheduleEntry } from "#schedule/schedule.ts";
import { type ReadRule, readAtRule, readCronRule, readEveryRule } from "#schedule/time-rule.ts";
import { endOf, parseWallText, startOf, type WallText, wallTextForms } from "#schedule/wall-text.ts";
import { openZone } from "#schedule/zone.ts";
import { isJsonObject, isList, ownValue } from "../json.ts";
import { definitionLimits } from "../limits.ts";
import type { ScheduleDefinition } from "../schema/schedule-definition.ts";
import type { Json, JsonObject } from "../model.ts";
import type { Report } from "../outline.ts";
import { type Path, proposal } from "../problem-list.ts";
import { closestTimezone, isTimezone } from "../schema/timezone.ts";

/** What bounds an entry; an entry of a list begins with what is said beside the list. */
type Timing = Omit<ScheduleEntry, "rule">;

/** An entry with its text for people. */
interface Entry {
  readonly text: string;
  readonly path: Path;
  readonly entry: ScheduleEntry;
}

/** The keys that give times: how each text is read, what is wrong with it, and how it is shown. */
const ruleKeys: readonly {
  readonly key: "cron" | "every" | "at";
  readonly read: (text: string) => ReadRule;
  readonly code: string;
  readonly show: (text: string) => string;
}[] = [
  { key: "cron", read: readCronRule, code: "INVALID_CRON", show: (text) => text },
  { key: "every", read: readEveryRule, code: "INVALID_INTERVAL", show: (text) => `@every ${text}` },
  { key: "at", read: readAtRule, code: "INVALID_DATE", show: (text) => `at ${text}` },
];

/** Entries that the text of a schedule shows; the others it counts. */
const shownEntries = 3;

/**
 * The zone and the schedule of a definition, with findings on what its texts mean. What has a wrong type is left to the
 * schema. Null: there is no schedule, or nothing of it could be read.
 */
export function readSchedule(root: JsonObject, report: Report): ScheduleDefinition | null {
  const timezone = readTimezone(root, [], report) ?? "UTC";
  const given = ownValue(root, "schedule");
  const plain: Timing = { timezone, startAt: null, endAt: null, dst: defaultDst };
  if (given === undefined || given === null) return null;
  if (!isJsonObject(given)) return assemble(readEntries(given, ["schedule"], plain, report), timezone, report);
  const timing = readTiming(given, ["schedule"], plain, report);
  const listed = ownValue(given, "entries");
  const entries = [
    ...readRules(given, ["schedule"], timing, report),
    ...readEntries(listed, ["schedule", "entries"], timing, report),
  ];
  if (listed === undefined) requireRule(given, ["schedule"], report);
  const schedule = assemble(entries, timing.timezone, report);
  return schedule === null ? null : { ...schedule, ...readPolicy(given) };
}

/** An expression, a list of entries, or anything else, which holds none. */
function readEntries(given: Json | undefined, path: Path, timing: Timing, report: Report): readonly Entry[] {
  if (typeof given === "string") return readRule("cron", given, path, timing, report);
  if (!isList(given)) return [];
  return given.slice(0, definitionLimits.scheduleEntries).flatMap((each, place) => {
    const at = [...path, place];
    if (typeof each === "string") return readRule("cron", each, at, timing, report);
    if (!isJsonObject(each)) return [];
    requireRule(each, at, report);
    return readRules(each, at, readTiming(each, at, timing, report), report);
  });
}

function readRules(given: JsonObject, path: Path, timing: Timing, report: Report): readonly Entry[] {
  return ruleKeys.flatMap(({ key }) => {
    const value = ownValue(given, key);
    if (typeof value === "string") return readRule(key, value, [...path, key], timing, report);
    if (!isList(value)) return [];
    return value
      .slice(0, definitionLimits.scheduleEntries)
      .flatMap((text, place) =>
        typeof text === "string" ? readRule(key, text, [...path, key, place], timing, report) : [],
      );
  });
}

function readRule(
  key: "cron" | "every" | "at",
  text: string,
  path: Path,
  timing: Timing,
  report: Report,
): readonly Entry[] {
  const form = ruleKeys.find((each) => each.key === key) ?? ruleKeys[0];
  const read = form?.read(text);
  if (form === undefined || read === undefined) return [];
  if (read.isGood) return [{ text: form.show(text.trim()), path, entry: { rule: read.rule, ...timing } }];
  report(path, { code: form.code, message: read.problem });
  return [];
}

function requireRule(given: JsonObject, path: Path, report: Report): void {
  if (ruleKeys.some(({ key }) => ownValue(given, key) !== undefined)) return;
  const message = "a schedule needs one of `cron`, `every` and `at`";
  report(path, { code: "MISSING_KEY", message, hint: 'for example `cron: "0 2 * * *"`' });
}

/** The keys that bound an entry, over those of its surroundings. */
function readTiming(given: JsonObject, path: Path, outer: Timing, report: Report): Timing {
  const timezone = readTimezone(given, path, report) ?? outer.timezone;
  const zone = openZone(timezone);
  const start = readDate(given, "start_date", path, report);
  const end = readDate(given, "end_date", path, report);
  const startAt = start === null ? outer.startAt : startOf(start, zone);
  const endAt = end === null ? outer.endAt : endOf(end, zone);
  if (startAt !== null && endAt !== null && endAt < startAt) {
    const key = end === null ? "start_date" : "end_date";
    report([...path, key], { code: "INVALID_DATE", message: "`end_date` is before `start_date`" });
  }
  const dst = ownValue(given, "dst");
  return { timezone, startAt, endAt, dst: isJsonObject(dst) ? readDst(dst, outer.dst) : outer.dst };
}

function readDst(given: JsonObject, outer: Timing["dst"]): Timing["dst"] {
  return {
    gap: (ownValue(given, "gap") as Timing["dst"]["gap"] | undefined) ?? outer.gap,
    overlap: (ownValue(given, "overlap") as Timing["dst"]["overlap"] | undefined) ?? outer.overlap,
  };
}

function readDate(given: JsonObject, key: string, path: Path, report: Report): WallText | null {
  const text = ownValue(given, key);
  if (typeof text !== "string") return null;
  const date = parseWallText(text);
  if (date === null) {
    report([...path, key], {
      code: "INVALID_DATE",
      message: `\`${key}\` must be a real date such as ${wallTextForms}`,
    });
  }
  return date;
}

function readTimezone(object: JsonObject, path: Path, report: Report): string | null {
  const name = ownValue(object, "timezone");
  if (typeof name !== "string") return null;
  if (isTimezone(name)) return name;
  report([...path, "timezone"], {
    code: "INVALID_TIMEZONE",
    message: `there is no time zone ${JSON.stringify(name)}`,
    hint: proposal(closestTimezone(name)),
  });
  return null;
}

function readPolicy(given: JsonObject): Partial<ScheduleDefinition> {
  const jitter = ownValue(given, "jitter");
  const jitterMs = typeof jitter === "string" ? parseDuration(jitter) : null;
  const policy = {
    catchup: ownValue(given, "catchup"),
    maxCatchup: ownValue(given, "max_catchup"),
    overlap: ownValue(given, "overlap"),
    jitterMs: jitterMs ?? undefined,
    pauseAfterFailures: ownValue(given, "pause_after_failures"),
  };
  return Object.fromEntries(Object.entries(policy).filter(([, value]) => value !== undefined));
}

/** The schedule of the entries: its short form when the text says all of it. */
function assemble(found: readonly Entry[], timezone: string, report: Report): ScheduleDefinition | null {
  for (const each of found) checkEntry(each, found.length, report);
  if (found.length > definitionLimits.scheduleEntries) {
    const message = `the schedule has ${found.length} entries; the limit is ${definitionLimits.scheduleEntries}`;
    report(["schedule"], { code: "TOO_MANY_ENTRIES", message, hint: "split the definition" }, "key");
  }
  const [first] = found;
  if (first === undefined) return null;
  const more = found.length > shownEntries ? [`${found.length - shownEntries} more`] : [];
  const text = [...found.slice(0, shownEntries).map((each) => each.text), ...more].join("; ");
  const isWhole = found.length === 1 && isPlain(first.entry, timezone);
  return isWhole ? { text, timezone } : { text, timezone, entries: found.map(({ entry }) => entry) };
}

function isPlain({ rule, startAt, endAt, dst, ...entry }: ScheduleEntry, timezone: string): boolean {
  const isUnbounded = startAt === null && endAt === null && entry.timezone === timezone;
  return isUnbounded && rule.kind !== "at" && dst.gap === defaultDst.gap && dst.overlap === defaultDst.overlap;
}

/** An entry that can't fire within its bounds is a mistake; one whose time is over is not. */
function checkEntry({ entry, text, path }: Entry, entryCount: number, report: Report): void {
  const { rule, timezone, startAt, endAt } = entry;
  if (rule.kind === "continuous") {
    if (entryCount === 1) return;
    const message = "`@continuous` follows its own last run and can't stand beside other times";
    report(path, { code: "INVALID_SCHEDULE", message });
    return;
  }
  if (rule.kind === "once" || (startAt !== null && endAt !== null && endAt < startAt)) return;
  const schedule = openSchedule({ text, timezone, entries: [entry] }, null);
  if (nextFireTime(schedule, Number.NEGATIVE_INFINITY) !== null) return;
  const bounds = startAt === null && endAt === null ? "the clocks skip its time" : "not within its start and end dates";
  report(path, { code: "NEVER_FIRES", message: `"${text}" never fires: ${bounds}` });
}
