import { expect } from "vitest";
import { eventually } from "../harness/eventually.ts";
import type { FieldRow, Sight } from "./field-row.ts";

const noop = "tasks: {a: {type: noop, operator: {}}}";

/** Keys of `schedule:`: what fires when is read from the coming times, what becomes of slots from runs. */
export const scheduleRows: readonly FieldRow[] = [
  next("`schedule` as a cron text, in the DAG's zone", ["dag.schedule"], {
    id: "daily",
    keys: `schedule: "30 8 * * *"\ntimezone: Europe/Berlin`,
    from: "2027-01-01T00:00:00Z",
    times: ["2027-01-01T07:30:00.000Z", "2027-01-02T07:30:00.000Z"],
  }),
  next(
    "`cron`, `every`, `at` and `entries` stand side by side",
    [...["dag.schedule.cron", "dag.schedule.every", "dag.schedule.at", "dag.schedule.entries"]],
    {
      id: "side_by_side",
      keys: `schedule: {cron: "0 6 * * *", every: 12h, at: "2027-01-01 03:00", entries: ["0 9 * * *"]}`,
      from: "2027-01-01T01:00:00Z",
      times: ["03", "06", "09", "12"].map((hour) => `2027-01-01T${hour}:00:00.000Z`),
    },
  ),
  next(
    "`timezone` of the schedule wins over the DAG's, `start_date` and `end_date` bound it",
    [...["dag.schedule.timezone", "dag.schedule.start_date", "dag.schedule.end_date"]],
    {
      id: "bounded",
      keys: `schedule: {cron: "0 12 * * *", timezone: Asia/Tokyo, start_date: "2027-05-02", end_date: "2027-05-03"}`,
      from: "2027-04-01T00:00:00Z",
      times: ["2027-05-02T03:00:00.000Z", "2027-05-03T03:00:00.000Z"],
    },
  ),
  next("`dst.gap` says what becomes of a time that the clocks skip", ["dag.schedule.dst", "dag.schedule.dst.gap"], {
    id: "in_the_gap",
    keys: `timezone: America/New_York\nschedule: {cron: "30 2 * * *", dst: {gap: skip}}`,
    from: "2027-03-13T12:00:00Z",
    times: ["2027-03-15T06:30:00.000Z"],
  }),
  next("`dst.overlap` says what becomes of a time that comes twice", ["dag.schedule.dst.overlap"], {
    id: "in_the_overlap",
    keys: `timezone: America/New_York\nschedule: {cron: "30 1 * * *", dst: {overlap: both}}`,
    from: "2027-11-07T00:00:00Z",
    times: ["2027-11-07T05:30:00.000Z", "2027-11-07T06:30:00.000Z", "2027-11-08T06:30:00.000Z"],
  }),
  {
    does: "`catchup` makes the runs that were missed, `max_catchup` at most",
    shows: ["dag.schedule.catchup", "dag.schedule.max_catchup"],
    yaml: [
      `id: missed
schedule: {cron: "0 0 1 * *", start_date: "2020-01-01", end_date: "2020-06-15", catchup: all, max_catchup: 2}
${noop}`,
    ],
    async act(see) {
      const dates = async () => (await runsOf(see, "missed")).map((run) => run.execution_date.slice(0, 10)).toSorted();
      await eventually(dates, (seen) => expect(seen).toEqual(["2020-05-01", "2020-06-01"]));
    },
  },
  {
    does: "`overlap: skip` leaves out slots while a run goes on",
    shows: ["dag.schedule.overlap"],
    yaml: [
      `id: one_by_one
schedule: {every: 1s, overlap: skip}
tasks: {a: {type: wait, operator: {duration: 1d}}}
`,
    ],
    async act(see) {
      const dropped = async () => (await see.call("dags/one_by_one")).json["dropped_slots"];
      await eventually(dropped, (seen) => expect(seen).toMatchObject({ reason: "overlap" }));
      expect(await runsOf(see, "one_by_one")).toHaveLength(1);
    },
  },
  {
    does: "`pause_after_failures` pauses a schedule whose runs fail",
    shows: ["dag.schedule.pause_after_failures"],
    yaml: [
      `id: gives_up
schedule: {every: 1s, overlap: queue, pause_after_failures: 2}
tasks: {a: {type: millrace.test.fail, operator: {}}}
`,
    ],
    async act(see) {
      const paused = async () => (await see.call("dags/gives_up")).json["is_paused"];
      await eventually(paused, (seen) => expect(seen).toBe(true));
      expect(await runsOf(see, "gives_up")).toHaveLength(2);
    },
  },
];

interface Coming {
  readonly id: string;
  readonly keys: string;
  readonly from: string;
  readonly times: readonly string[];
}

/** A row whose schedule has these times, the first ones from a time on. */
function next(does: string, shows: readonly string[], { id, keys, from, times }: Coming): FieldRow {
  return {
    does,
    shows,
    yaml: [`id: ${id}\n${keys}\n${noop}`],
    async act({ call }) {
      const { json } = await call(`dags/${id}/next?limit=${times.length}&from=${from}`);
      expect((json["fire_times"] as { at: string }[]).map((time) => time.at)).toEqual(times);
    },
  };
}

async function runsOf(see: Sight, dagId: string): Promise<readonly { readonly execution_date: string }[]> {
  return (await see.call(`dagRuns?dag_id=${dagId}&limit=100`)).json["dag_runs"] as { execution_date: string }[];
}
