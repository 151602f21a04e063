import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTestEngine } from "#testing/container-engine.ts";
import { findProgram } from "#testing/find-program.ts";
import { saySkipped, saySkippedWithout } from "#testing/skipped-tests.ts";
import { runProgram } from "./harness/run-program.ts";
import { host, hostCommand } from "./harness/two-machines.ts";

const tests = "tests of what `network: outbound` reaches";
const cli = fileURLToPath(new URL("../bin/millrace.js", import.meta.url));

/** Null when tests can make a host with a network of its own and tasks in it that may reach outside, else why not. */
function whyNot(): string | null {
  const missing = ["unshare", "ip", "bwrap", "slirp4netns"].find((program) => findProgram(program) === null);
  if (missing !== undefined) {
    saySkippedWithout(tests, `${missing} is not installed`);
    return missing;
  }
  const link =
    "ip link add host0 type veth peer name other0 && bwrap --ro-bind / / --proc /proc true && : < /dev/net/tun";
  const tried = spawnSync("unshare", [...hostCommand("", []).slice(0, 6), "sh", "-c", link], { encoding: "utf8" });
  if (tried.status === 0) return null;
  const reason = tried.error?.message ?? tried.stderr;
  saySkipped(tests, `this host gives no network of its own: ${reason}`);
  return reason;
}

const isApart = whyNot() === null;
const engine = isApart ? openTestEngine() : null;
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "millrace-outbound-"));
});
afterAll(async () => {
  engine?.dispose();
  await rm(folder, { recursive: true, force: true });
});

/** The host's loopback could have three addresses in such a network: its own, and those of the host and of the relay of names. */
const asked = ["machine.test", "no.such.test", host.machine, host.address, "127.0.0.1", "10.0.2.2", "10.0.2.3"];

/** Tells of each what answers there, and which servers it asks for names. */
const ask = `
all=
for where in ${asked.join(" ")}; do said=$(get $where 2>/dev/null); all="$all $where=\${said:-nothing}"; done
while read -r word server; do if [ "$word" = nameserver ]; then all="$all server=$server"; fi; done < /etc/resolv.conf
echo "answers=$all" >> "$MILLRACE_OUTPUT"`;
const request = "GET / HTTP/1.0\\r\\n\\r\\n";
const inProcess = `
get() { timeout 5 bash -c 'exec 9<>/dev/tcp/'$1'/${host.port}; printf "${request}" >&9; tail -n 1 <&9' || true; }`;
/** The busybox of an image without libraries finds names by this program alone. */
const inContainer = `
get() {
  at=$1
  case $1 in *.test) at=$(busybox nslookup $1 | busybox sed -n 's/^Address: //p') ;; esac
  if [ -n "$at" ]; then printf "${request}" | nc -w 5 $at ${host.port} | busybox tail -n 1; fi
}`;

const definition = `id: outbound
default_task_config: {allow_failure: true}
tasks:
  - {id: apart, type: bash, network: none, operator: {bash_command: &process ${JSON.stringify(`${inProcess}${ask}`)}}}
  - {id: full, type: bash, operator: {bash_command: *process}}
  - {id: open, type: bash, network: outbound, operator: {bash_command: *process}}
  - {id: confined, type: bash, network: outbound, filesystem: confined, operator: {bash_command: *process}}
`;
const container = `  - id: container
    type: container
    network: outbound
    operator:
      image: ${engine?.image}
      command: [/bin/sh, -c, ${JSON.stringify(`${inContainer}${ask}`)}]
`;
interface Task {
  readonly task_id: string;
  readonly state: string;
  readonly last_error: string;
  readonly xcom_values: Readonly<Record<string, unknown>>;
}

/** Runs the tasks on a host whose server of names has this address. */
async function run(resolver: string, text: string): Promise<Readonly<Record<string, Task>>> {
  const file = join(folder, "dag.yaml");
  await writeFile(file, text);
  const command = [process.execPath, cli, "run", file, "--output", "json"];
  const path = [engine?.binDirectory ?? [], process.env["PATH"] ?? ""].flat().join(delimiter);
  const environment = { PATH: path, MILLRACE_WORKER_CONTAINER_PULL: "never" };
  const { stdout, stderr } = await runProgram("unshare", hostCommand(resolver, command), { environment });
  try {
    const { task_instances: tasks } = JSON.parse(stdout) as { task_instances: readonly Task[] };
    return Object.fromEntries(tasks.map((task) => [task.task_id, task]));
  } catch {
    throw new Error(`the run told nothing: ${stdout}${stderr}`);
  }
}

const answersOf = ({ last_error: error, xcom_values: values }: Task): unknown =>
  error === ""
    ? Object.fromEntries(
        String(values["answers"])
          .trim()
          .split(" ")
          .map((pair) => pair.split("=")),
      )
    : error;
const silent = Object.fromEntries(asked.map((name) => [name, "nothing"]));
const outside = { ...silent, "machine.test": "machine", [host.machine]: "machine", [host.address]: "host" };

describe.skipIf(!isApart)("a task that may only reach outside", () => {
  test.each([
    ["on the host's loopback", "127.0.0.53"],
    ["on another machine", host.machine],
  ])(
    "has machines, by names of a server %s, and the host's outside, and nothing of its loopback",
    async (_, resolver) => {
      const ids = ["open", "confined", ...(engine === null ? [] : ["container"])];
      const tasks = await run(resolver, definition + (engine === null ? "" : container));
      const found = Object.fromEntries(Object.values(tasks).map((task) => [task.task_id, answersOf(task)]));
      const relayed = { ...outside, server: resolver === host.machine ? resolver : "10.0.2.3" };
      expect(found).toEqual({
        apart: { ...silent, server: resolver },
        full: { ...outside, "127.0.0.1": "loopback", server: resolver },
        ...Object.fromEntries(ids.map((id) => [id, relayed])),
      });
    },
  );

  test("finds by the same names what a request of the worker's own may reach, and no more than the policy lets it", async () => {
    const urls = { allowed: "machine.test", named: "inside.test", loopback: "127.0.0.1" };
    const requests = Object.entries(urls).map(
      ([id, name]) => `  - {id: ${id}, type: http, operator: {url: "http://${name}:${host.port}/"}}\n`,
    );
    const tasks = await run(
      "127.0.0.53",
      `id: requests\ndefault_task_config: {allow_failure: true}\ntasks:\n${requests.join("")}`,
    );
    expect(tasks["allowed"]).toMatchObject({ state: "success", last_error: "" });
    for (const id of ["named", "loopback"])
      expect(tasks[id]).toMatchObject({ state: "failed", last_error: expect.stringContaining("a loopback address") });
  });
});
