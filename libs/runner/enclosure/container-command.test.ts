import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { attemptDirectories } from "../attempt-directories.ts";
import { noLimits } from "../attempt-limits.ts";
import { containerArguments, environmentFileText } from "./container-command.ts";
import type { ContainerEnclosure, ContainerTool } from "./enclosure.ts";

const tool: ContainerTool = {
  kind: "podman",
  path: "/usr/bin/podman",
  hasInit: false,
  environment: {},
  user: { uid: 0, gid: 0 },
};
const enclosure: ContainerEnclosure = {
  kind: "container",
  image: "alpine:3",
  network: "none",
  gpus: 0,
  mounts: [],
  dagDirectory: "",
  dataDirectory: "",
  pull: "missing",
  tool,
};
const place = {
  enclosure,
  token: "t1",
  directories: attemptDirectories("/data", "t1"),
  limits: noLimits,
  environmentFile: "/data/attempts/t1/environment",
};
const options = { file: "sh", args: ["-c", "true"], environment: { SECRET: "hunter2" }, cwd: "/data/attempts/t1/work" };

const argumentsOf = (given: Partial<ContainerEnclosure> = {}, more: Partial<typeof place> = {}): string =>
  containerArguments({ ...place, ...more, enclosure: { ...enclosure, ...given } }, options).join(" ");

describe("the options of a container", () => {
  test("name it by its attempt, and end with the image and the program's own arguments", () => {
    const words = containerArguments(place, options);
    expect(words.slice(0, 5)).toEqual(["run", "--name", "millrace-t1", "--label", "millrace.attempt=t1"]);
    expect(words.slice(-6)).toEqual(["--entrypoint", "sh", "--", "alpine:3", "-c", "true"]);
  });

  test("say whose it is, so that the worker finds it when all else is gone", () => {
    expect(argumentsOf({ owner: { worker: "w1", home: "00ff" } })).toContain(
      "--label millrace.worker=w1 --label millrace.home=00ff",
    );
    expect(argumentsOf()).not.toContain("millrace.worker");
  });

  test("leave the image's entry point where no program is named", () => {
    expect(containerArguments(place, { ...options, file: "", args: [] }).at(-1)).toBe("alpine:3");
    expect(containerArguments(place, { ...options, file: "" })).not.toContain("--entrypoint");
  });

  test("hold no value of a variable", () => {
    expect(argumentsOf()).not.toContain("hunter2");
    expect(argumentsOf()).toContain("--env-file /data/attempts/t1/environment");
  });

  test("take all privileges away, whoever the worker is", () => {
    expect(argumentsOf()).toContain("--user 0:0 --cap-drop ALL --security-opt no-new-privileges");
    const user = { uid: 1000, gid: 100 };
    expect(argumentsOf({ tool: { ...tool, user } })).toContain("--user 1000:100 --userns keep-id --cap-drop ALL");
    expect(argumentsOf({ tool: { ...tool, kind: "docker", user } })).toContain("--user 1000:100 --cap-drop ALL");
  });

  test.each([
    ["podman", "none", "--network none"],
    ["podman", "outbound", "--network slirp4netns:allow_host_loopback=false"],
    ["podman", "full", "--network host"],
    ["docker", "outbound", "--network bridge"],
  ] as const)("of %s have the network %s as %s", (kind, network, expected) => {
    expect(argumentsOf({ network, tool: { ...tool, kind } })).toContain(expected);
  });

  test("hold the limits, memory without swap", () => {
    const limits = { cpus: 0.5, memoryBytes: 1024, diskBytes: 5, processes: 7 };
    expect(argumentsOf({}, { limits })).toContain("--pids-limit 7 --cpus 0.5 --memory 1024 --memory-swap 1024");
    expect(argumentsOf()).not.toContain("--memory");
  });

  test.each([
    ["docker", "--gpus 2"],
    ["podman", "--device nvidia.com/gpu=0 --device nvidia.com/gpu=1"],
  ] as const)("of %s give gpus as %s", (kind, expected) => {
    expect(argumentsOf({ gpus: 2, tool: { ...tool, kind } })).toContain(expected);
  });

  test("mount the attempt's folders, not what lies beside them, and the definition's folder read-only", () => {
    const mounts = [{ source: '/srv/a,"b"', target: "/in", readOnly: false }];
    const words = containerArguments({ ...place, enclosure: { ...enclosure, dagDirectory: "/dags", mounts } }, options);
    const found = words.filter((_, index) => words[index - 1] === "--mount");
    const own = (name: string): string => `source=/data/attempts/t1/${name},target=/data/attempts/t1/${name}`;
    expect(found).toEqual([
      ...["work", "tmp", "artifacts", "output"].map((name) => `type=bind,${own(name)}`),
      `type=bind,${own("code")},readonly`,
      "type=bind,source=/dags,target=/dags,readonly",
      'type=bind,"source=/srv/a,""b""",target=/in',
    ]);
  });
});

describe("the data directory within the definition's folder", () => {
  test.each([
    ["podman", "--mount type=tmpfs,target=/dags/.millrace,notmpcopyup --mount"],
    ["docker", "--mount type=tmpfs,target=/dags/.millrace --mount"],
  ] as const)("is covered by an empty folder in %s", (kind, expected) => {
    const given = { dagDirectory: "/dags", dataDirectory: "/dags/.millrace", tool: { ...tool, kind } };
    expect(argumentsOf(given)).toContain(expected);
    expect(argumentsOf({ ...given, dataDirectory: "/data" })).not.toContain("tmpfs");
  });
});

describe("the file of variables", () => {
  test("has a line for each, whatever is in it but a line break", () => {
    const line = fc.string().filter((text) => !/[\r\n]/.test(text));
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[A-Z_]{1,8}$/), line), (environment) => {
        const text = environmentFileText(environment);
        const lines = typeof text === "string" ? text.split("\n").slice(0, -1) : [];
        expect(lines).toEqual(Object.entries(environment).map(([name, value]) => `${name}=${value}`));
      }),
    );
  });

  test.each(["a\nb", "a\r", "\n"])("refuses %j by its name, since it would begin another variable", (value) => {
    expect(environmentFileText({ A: "x", B: value })).toMatchObject({ code: "configuration" });
  });
});
