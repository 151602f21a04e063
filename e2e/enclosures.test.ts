import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTestEngine } from "#testing/container-engine.ts";
import { saySkipped, saySkippedWithout } from "#testing/skipped-tests.ts";
import { startDev, useDeployment } from "./harness.ts";
import { eventually } from "./harness/eventually.ts";
import { createRestClient } from "./harness/rest-client.ts";

const page = readFileSync(new URL("../docs/isolation.md", import.meta.url), "utf8");
const [, untrusted = ""] = /```yaml\n(id: untrusted\n[\s\S]*?)```/.exec(page) ?? [];

/** Asks the kernel itself, not the product. */
const enclosing = "--unshare-net --unshare-pid --ro-bind / / --proc /proc /bin/sh -c :";
const tried = spawnSync("bwrap", enclosing.split(" "), { encoding: "utf8" });
const canEnclose = tried.status === 0;
if (tried.error !== undefined) saySkippedWithout("the example of confined tasks", "bwrap is not installed");
else if (!canEnclose) saySkipped("the example of confined tasks", `bwrap says: ${tried.stderr}`);
const engine = openTestEngine();
afterAll(() => engine?.dispose());

const ownPrograms = join(import.meta.dirname, "../node_modules/.bin");

describe("a server whose worker can enclose", () => {
  const deployment = useDeployment(() =>
    startDev({
      definitions: {
        "untrusted.yaml": untrusted,
        "alone.yaml": `id: alone
tasks:
  - id: write
    type: container
    resources: {memory: 64Mi}
    operator:
      image: ${engine?.image ?? "none"}
      command: [/bin/sh, -c, 'ls /etc; echo "day=$DAY" >> "$MILLRACE_OUTPUT"']
      environment: {DAY: "{{ params.day }}"}
      resources: {cpu: 0.5, memory: 128Mi}
  - id: fill
    type: container
    allow_failure: true
    resources: {disk: 1Gi}
    operator:
      image: ${engine?.image ?? "none"}
      command: [/bin/sh, -c, "dd if=/dev/zero of=full bs=1048576 count=20; sleep 60"]
      resources: {disk: 1Mi}
  - {id: absent, type: container, allow_failure: true, retries: 2, operator: {image: "localhost/nothing:9"}}
  - {id: read, type: bash, dependencies: [write], capture_stdout: true, operator: {bash_command: "echo {{ outputs.write.day }}"}}
parameters: {day: "2026-01-31"}
`,
      },
      // As npm puts it together: the programs of packages first.
      environment: {
        PATH: [engine?.binDirectory ?? [], ownPrograms, process.env["PATH"] ?? ""].flat().join(delimiter),
        MILLRACE_WORKER_CONTAINER_PULL: "never",
      },
    }),
  );
  const client = createRestClient(() => deployment().url);

  test.skipIf(!canEnclose)("runs the example of the page, which sees what the page says", async () => {
    const run = await client.ended(await client.trigger("untrusted"));
    expect(run).toMatchObject({ state: "success", tasks: { count: { last_error: "" } } });
    const log = await client.log(run, "count");
    expect(log).toContain("'srv', 'tmp', 'usr'");
    for (const hidden of ["'sys'", "'boot'"]) expect(log).not.toContain(hidden);
  });

  test.skipIf(engine === null)(
    "runs images, within their operators' resources, whose outputs later tasks have, and tries one that is not there once",
    async () => {
      const run = await client.ended(await client.trigger("alone"));
      expect(run).toMatchObject({ state: "success", outputs: { read: { return_value: "2026-01-31" } } });
      expect(await client.log(run, "write")).toContain("of-the-image");
      const missing = expect.stringContaining("podman has no image localhost/nothing:9");
      expect(run.tasks["absent"]).toMatchObject({ state: "failed", try_number: 1, last_error: missing });
      expect(run.tasks["fill"]).toMatchObject({ state: "failed", last_error: expect.stringMatching(/disk/) });
      expect(engine?.containers()).toEqual([]);
    },
  );
});

describe("a server whose worker can't enclose", () => {
  let empty = "";
  beforeAll(async () => {
    empty = await mkdtemp(join(tmpdir(), "millrace-no-programs-"));
  });
  afterAll(() => rm(empty, { recursive: true, force: true }));
  const deployment = useDeployment(() =>
    startDev({ definitions: { "untrusted.yaml": untrusted }, environment: { PATH: empty } }),
  );
  const client = createRestClient(() => deployment().url);

  test("leaves the task waiting, and says for what", async () => {
    const id = await client.trigger("untrusted");
    const explain = async () => (await deployment().cli(["explain", id])).stdout.replaceAll(/\s+/g, " ");
    await eventually(explain, (text) => {
      expect(text).toContain("the capability network:none");
      expect(text).toContain("the capability filesystem:confined");
    });
    const { json } = await client.call(`dagRuns/${id}/taskInstances`);
    expect(json["task_instances"]).toMatchObject([{ task_id: "count", state: "queued", start_date: null }]);
  });
});
