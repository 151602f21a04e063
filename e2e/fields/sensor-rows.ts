import { appendFile, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { eventually } from "../harness/eventually.ts";
import type { SeenRun } from "../harness/rest-client.ts";
import type { FieldRow, Sight } from "./field-row.ts";

const say = (text: string): string =>
  `tasks: {a: {type: bash, capture_stdout: true, operator: {bash_command: "echo ${text}"}}}\n`;

/** Fields of sensors: each sees the one thing that it is to see, and makes a run of it. */
export const sensorRows: readonly FieldRow[] = [
  {
    does: "a file sensor sees files of a folder as its fields choose them",
    shows: [
      ...["id", "type", "directory_path", "file_pattern", "poll_interval", "stabilization_time", "trigger_condition"],
      ...["min_file_size", "recursive_watch", "batch_size", "timeout"],
    ]
      .map((field) => `sensors.file.${field}`)
      .concat("dag.sensors"),
    yaml: [
      `id: by_file
sensors:
  - {id: created, type: file, directory_path: ../inbox, file_pattern: "*.csv", poll_interval: 1s, stabilization_time: 1s, min_file_size: 5, batch_size: 1}
  - {id: deep, type: file, directory_path: ../inbox, file_pattern: "*.deep", poll_interval: 1s, stabilization_time: 1s, recursive_watch: true, timeout: 10s}
  - {id: modified, type: file, directory_path: ../inbox, file_pattern: known.txt, poll_interval: 1s, stabilization_time: 1s, trigger_condition: file_modified}
  - {id: deleted, type: file, directory_path: ../inbox, file_pattern: gone.txt, poll_interval: 1s, stabilization_time: 1s, trigger_condition: file_deleted}
${say("{{ params.sensor.event }} {{ params.sensor.name }}")}`,
    ],
    async act(see) {
      const inbox = join(see.deployment.folder, "inbox");
      await mkdir(join(inbox, "below"), { recursive: true });
      for (const name of ["known.txt", "gone.txt"]) await writeFile(join(inbox, name), "here from the start");
      for (const id of ["created", "deep", "modified", "deleted"]) await settled(see, `by_file/${id}`);
      await writeFile(join(inbox, "empty.csv"), "");
      for (const name of ["one.csv", "two.csv", "below/three.deep"]) await writeFile(join(inbox, name), "content");
      await appendFile(join(inbox, "known.txt"), ", and changed");
      await rm(join(inbox, "gone.txt"));
      expect(await outputsOf(see, "by_file", 5)).toEqual([
        "file_created one.csv",
        "file_created three.deep",
        "file_created two.csv",
        "file_deleted gone.txt",
        "file_modified known.txt",
      ]);
    },
  },
  {
    does: "a sql sensor sees new rows, another number of them, or another result",
    shows: [
      ...["id", "type", "database_connection", "connection", "connection_string", "mode", "query", "timestamp_column"],
      ...["poll_interval", "timeout", "batch_size"],
    ].flatMap((field) => [`sensors.sql.${field}`, `sensors.database.${field}`]),
    yaml: [
      `id: by_rows
sensors:
  - {id: rows, type: sql, connection: files, query: "SELECT id FROM seen WHERE id > $1", timestamp_column: id, batch_size: 1, poll_interval: 1s}
  - {id: count, type: database, database_connection: files, mode: row_count, query: SELECT id FROM seen, poll_interval: 1s, timeout: 10s}
  - {id: result, type: sql, connection_string: "{{ secrets.files_address }}", mode: result_change, query: SELECT max(id) AS top FROM seen, poll_interval: 1s}
${say("{{ params.sensor.count | default('result') }}-{{ has(params.sensor.previous) }}")}`,
      `id: rows_writer
parameters: {query: SELECT 1}
tasks:
  - {id: make, type: sql, operator: {connection: files, query: "CREATE TABLE IF NOT EXISTS seen (id integer)"}}
  - {id: write, type: sql, dependencies: [make], when: params.rows, operator: {connection: files, query: "INSERT INTO seen VALUES (1), (2)"}}
`,
    ],
    async act(see) {
      await see.ended(await see.trigger("rows_writer", { parameters: { rows: false } }));
      for (const id of ["rows", "count", "result"]) await settled(see, `by_rows/${id}`);
      await see.ended(await see.trigger("rows_writer", { parameters: { rows: true } }));
      expect(await outputsOf(see, "by_rows", 4)).toEqual(["1-false", "1-false", "1-false", "2-true"]);
    },
  },
  {
    does: "an http sensor sees the answer become as it should be, or change",
    shows: [
      ...["id", "type", "url", "method", "headers", "body", "expected_status_code", "response_content_pattern", "on"],
      ...["response_fields", "poll_interval", "timeout_duration", "retry_attempts"],
    ].map((field) => `sensors.http.${field}`),
    yaml: [],
    async act(see) {
      const url = `${see.web.url}/counted`;
      const common = `type: http, poll_interval: 1s, timeout_duration: 5s, retry_attempts: 0`;
      const sensors = `sensors:
  - {id: ready, ${common}, url: "${url}", method: POST, headers: {X-Of: sensor}, body: "are you there", expected_status_code: [200, 204], response_content_pattern: "are you .here"}
  - {id: never, ${common}, url: "${see.web.url}/status/418"}
  - {id: changes, ${common}, url: "${see.web.url}/count", on: change, response_fields: [count]}
`;
      const content = `id: by_answer\n${sensors}${say("{{ params.sensor.status }} {{ has(params.sensor.hash) }}")}`;
      await see.deployment.writeDefinition("by_answer.yaml", content);
      expect(await outputsOf(see, "by_answer", 2)).toEqual(["200 false", "200 true"]);
      const asked = see.web.requests.find((request) => request.url === "/counted");
      expect(asked).toMatchObject({ method: "POST", body: "are you there", headers: { "x-of": "sensor" } });
      expect((await see.call("sensors/by_answer/never/events")).json).toMatchObject({ total_count: 0 });
    },
  },
  {
    does: "a dag sensor sees runs of another DAG end as asked, after a delay",
    shows: ["id", "type", "dag_id", "state", "delay", "poll_interval", "timeout", "batch_size"].flatMap((field) => [
      `sensors.dag.${field}`,
      `sensors.time_delta.${field}`,
    ]),
    yaml: [
      `id: by_run
sensors:
  - {id: failed, type: dag, dag_id: looked_at, state: [failed], poll_interval: 1s, timeout: 10s, batch_size: 10}
  - {id: later, type: time_delta, dag_id: looked_at, delay: 500ms, poll_interval: 1s}
${say("{{ params.sensor.dag_id }} {{ params.sensor.state }}")}`,
      `id: looked_at
parameters: {code: 0}
tasks: {a: {type: bash, operator: {bash_command: "exit {{ params.code }}"}}}
`,
    ],
    async act(see) {
      for (const id of ["failed", "later"]) await settled(see, `by_run/${id}`);
      for (const code of [0, 1]) await see.ended(await see.trigger("looked_at", { parameters: { code } }));
      expect(await outputsOf(see, "by_run", 2)).toEqual(["looked_at failed", "looked_at success"]);
    },
  },
];

/** Waits until the sensor has looked once, and knows what was there before. */
async function settled({ call }: Sight, path: string): Promise<void> {
  const state = async () => (await call(`sensors/${path}`)).json["state"];
  await eventually(state, (seen) => expect(seen).toBe("active"));
}

/** What the task `a` printed in each run of a DAG, in order of the text, once there are so many. */
async function outputsOf(see: Sight, dagId: string, count: number): Promise<readonly string[]> {
  const path = `dagRuns?dag_id=${dagId}&limit=100`;
  const ids = async () =>
    ((await see.call(path)).json["dag_runs"] as { dag_run_id: string }[]).map((run) => run.dag_run_id);
  await eventually(
    async () => (await ids()).length,
    (seen) => expect(seen).toBeGreaterThanOrEqual(count),
  );
  const runs: SeenRun[] = [];
  for (const id of await ids()) runs.push(await see.ended(id));
  return runs.map((run) => String(run.outputs["a"]?.["return_value"])).toSorted();
}
