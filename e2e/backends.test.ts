import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LocalKafka, startLocalKafka } from "#testing/kafka/local-kafka.ts";
import { skipsWithoutKafka } from "#testing/kafka/shared-kafka.ts";
import { type Deployment, startCluster, startDev } from "./harness.ts";

/** One definition a promise; how each ends must not depend on how its attempts reached a machine. */
const definitions = {
  "data.yaml": `
id: data
parameters: {name: Ada}
tasks:
  - id: write
    type: bash
    operator: {bash_command: "echo who={{ params.name }} >> $MILLRACE_OUTPUT"}
  - {id: read, type: bash, dependencies: [write], capture_stdout: true, operator: {bash_command: "echo hello {{ outputs.write.who }}"}}
`,
  "rules.yaml": `
id: rules
tasks:
  - {id: bad, type: bash, operator: {bash_command: "exit 3"}}
  - {id: never, type: noop, dependencies: [bad], operator: {}}
  - {id: mended, type: noop, dependencies: [{task: bad, on: failure}], operator: {}}
  - {id: always, type: noop, dependencies: [never], trigger_rule: all_done, operator: {}}
`,
  "retries.yaml": `
id: retries
tasks:
  - id: flaky
    type: millrace.test.flaky
    retry: {max_retries: 3, delay: 100ms, jitter: 0}
    operator: {failures: 2}
`,
  "items.yaml": `
id: items
parameters: {list: [a, b, c]}
tasks:
  - {id: each, type: bash, for_each: params.list, capture_stdout: true, operator: {bash_command: "echo {{ item }}"}}
  - {id: after, type: noop, dependencies: [each], operator: {}}
`,
  "slow.yaml": `
id: slow
tasks:
  - {id: sleep, type: bash, grace_period: 1s, operator: {bash_command: "sleep 60"}}
  - {id: after, type: noop, dependencies: [sleep], operator: {}}
`,
  "late.yaml": `
id: late
tasks:
  - {id: sleep, type: bash, timeout: 500ms, grace_period: 1s, operator: {bash_command: "sleep 60"}}
`,
  "named.yaml": `
id: named
executor: stream
tasks:
  - {id: first, type: bash, operator: {bash_command: "true"}}
  - {id: second, type: bash, dependencies: [first], operator: {bash_command: "true"}}
`,
};

const environment = { MILLRACE_WORKER_SLOTS: "4", MILLRACE_EXECUTOR_SCAN_INTERVAL: "500ms" };

let kafka: LocalKafka | null = null;

const backends: Readonly<Record<string, () => Promise<Deployment>>> = {
  local: () => startDev({ definitions, environment }),
  stream: () => startCluster({ definitions, environment }),
  "stream without hand-off": () =>
    startCluster({ definitions, environment: { ...environment, MILLRACE_EXECUTOR_HAND_OFF: "false" } }),
  kafka: () => startWithKafka({}),
  "kafka without hand-off": () => startWithKafka({ MILLRACE_EXECUTOR_HAND_OFF: "false" }),
};

async function startWithKafka(more: Readonly<Record<string, string>>): Promise<Deployment> {
  kafka ??= await startLocalKafka();
  const own = { KAFKA_BROKERS: kafka.brokers.join(","), MILLRACE_KAFKA_TOPIC_PREFIX: `m${Math.random()}` };
  return startCluster({ definitions, environment: { ...environment, ...own, ...more } });
}

afterAll(async () => {
  await kafka?.close();
});

describe.each(Object.keys(backends))("the backend %s", (name) => {
  describe.skipIf(name.startsWith("kafka") && skipsWithoutKafka())("keeps every promise of a backend:", () => {
    let deployment: Deployment;

    beforeAll(async () => {
      deployment = await (backends[name] ?? startDev)();
    }, 120_000);

    afterAll(async () => {
      await deployment?.stop();
    });

    const get = async (path: string): Promise<Record<string, unknown>> => {
      const response = await fetch(`${deployment.url}/api/v1/${path}`);
      return (await response.json()) as Record<string, unknown>;
    };

    /** Triggers, waits for the end, and answers the run with the states of its tasks. */
    const run = async (dag: string): Promise<{ id: string; state: unknown; tasks: Record<string, string> }> => {
      const { stdout, stderr } = await deployment.cli(["trigger", dag, "--wait", "--output", "json"]);
      if (stdout === "") throw new Error(stderr);
      const { dag_run_id: id } = JSON.parse(stdout) as { dag_run_id: string };
      return read(id);
    };

    const read = async (id: string): Promise<{ id: string; state: unknown; tasks: Record<string, string> }> => {
      const { state } = await get(`dagRuns/${encodeURIComponent(id)}`);
      const { task_instances: rows } = await get(`dagRuns/${encodeURIComponent(id)}/taskInstances?limit=100`);
      const tasks = (rows as { task_id: string; map_index: number | null; state: string }[]).map(
        (row): [string, string] => [`${row.task_id}${row.map_index === null ? "" : `[${row.map_index}]`}`, row.state],
      );
      return { id, state, tasks: Object.fromEntries(tasks) };
    };

    const outputsOf = async (id: string, task: string): Promise<unknown> => {
      const { xcom } = await get(`dagRuns/${encodeURIComponent(id)}/xcom/${task}`);
      return (xcom as { key: string; value: unknown }[]).map(({ key, value }) => [key, value]);
    };

    test("values go from task to task", async () => {
      const { id, state } = await run("data");
      expect(state).toBe("success");
      expect(await outputsOf(id, "write")).toEqual([["who", "Ada"]]);
      expect(await outputsOf(id, "read")).toEqual([["return_value", "hello Ada"]]);
    });

    test("failures and skips go on by the rules", async () => {
      expect(await run("rules")).toMatchObject({
        state: "failed",
        tasks: { bad: "failed", never: "upstream_failed", mended: "success", always: "success" },
      });
    });

    test("what fails is tried again, and every attempt has its row", async () => {
      const { id, state } = await run("retries");
      expect(state).toBe("success");
      const { attempts } = await get(`taskInstances/${encodeURIComponent(`${id}__flaky`)}/attempts`);
      const shown = (attempts as { attempt_number: number; state: string }[]).map((one) => [
        one.attempt_number,
        one.state,
      ]);
      expect(shown).toEqual([
        [1, "failed"],
        [2, "failed"],
        [3, "success"],
      ]);
    });

    test("a list gives an instance for each element", async () => {
      const { state, tasks } = await run("items");
      expect(state).toBe("success");
      expect(tasks).toMatchObject({
        "each[0]": "success",
        "each[1]": "success",
        "each[2]": "success",
        after: "success",
      });
    });

    test("a cancel stops what runs, and what waits never begins", async () => {
      const { stdout } = await deployment.cli(["trigger", "slow", "--output", "json"]);
      const { dag_run_id: id } = JSON.parse(stdout) as { dag_run_id: string };
      await expect.poll(async () => (await read(id)).tasks["sleep"], { timeout: 20_000 }).toBe("running");
      await deployment.cli(["cancel", id]);
      const path = `dagRuns/${encodeURIComponent(id)}`;
      await expect.poll(async () => typeof (await get(path))["end_date"], { timeout: 20_000 }).toBe("string");
      expect(await read(id)).toMatchObject({ state: "cancelled", tasks: { sleep: "skipped", after: "skipped" } });
    });

    test("a timeout ends the attempt", async () => {
      expect(await run("late")).toMatchObject({ state: "failed", tasks: { sleep: "failed" } });
    });

    test("a DAG may name another backend than the deployment's", async () => {
      expect(await run("named")).toMatchObject({ state: "success", tasks: { first: "success", second: "success" } });
    });
  });
});
