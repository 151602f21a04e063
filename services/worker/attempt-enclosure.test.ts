import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { AssignmentSchema, AttemptRefSchema } from "#gen/millrace/v1/worker_session_service_pb.js";
import type { ContainerTool } from "#runner/enclosure/enclosure.ts";
import { type HostEnclosures, noEnclosures } from "#runner/enclosure/host-enclosures.ts";
import type { AssignedEnclosure, Assignment } from "./attempt.ts";
import { enclosureOf } from "./attempt-enclosure.ts";
import { fromAssignment } from "./session-messages.ts";

const tool: ContainerTool = { kind: "podman", path: "/p", hasInit: true, environment: {}, user: { uid: 0, gid: 0 } };
const able: HostEnclosures = {
  capabilities: ["container", "network:none", "filesystem:confined"],
  process: { bubblewrap: "/b", slirp4netns: null },
  container: tool,
  missing: { "network:outbound": "there is no program slirp4netns; install it" },
};
const open: AssignedEnclosure = {
  isolation: "process",
  image: "",
  network: "full",
  filesystem: "open",
  allowPaths: [],
};

function assigned(fields: MessageInitShape<typeof AssignmentSchema>): Assignment {
  const found = fromAssignment({ ...create(AssignmentSchema, fields), attempt: create(AttemptRefSchema) });
  if (found === null) throw new Error("no assignment");
  return found;
}

const owner = { worker: "w", home: "here" };
const policy = { pull: "never", mountRoots: [], dataDirectory: "/data", owner } as const;
const decide = (enclosure: Partial<AssignedEnclosure>, host = able, operator = {}, operatorType = "bash") =>
  enclosureOf({ ...assigned({}), operator, operatorType, enclosure: { ...open, ...enclosure } }, host, policy);

describe("what surrounds an attempt", () => {
  test("is nothing where it asks for nothing", () => {
    expect(enclosureOf(assigned({}), able, policy)).toBeNull();
  });

  test("is never nothing for a container, even where its assignment asks for nothing", () => {
    const found = enclosureOf({ ...assigned({}), operatorType: "container" }, able, policy);
    expect(found).toMatchObject({ code: "not_enclosed", retryable: false });
  });

  test("is what it asks for, with the host's programs", () => {
    expect(decide({ network: "none", filesystem: "confined", allowPaths: ["/srv"] })).toMatchObject({
      kind: "process",
      network: "none",
      filesystem: "confined",
      readable: ["/srv"],
      tools: able.process,
    });
    expect(decide({ isolation: "container", image: "alpine:3", network: "none" })).toMatchObject({
      kind: "container",
      image: "alpine:3",
      network: "none",
      pull: "never",
      tool,
    });
  });

  test("is refused by name where the host can't, and never less than asked", () => {
    const message =
      "this worker can't enclose the attempt as network:outbound: there is no program slirp4netns; install it";
    expect(decide({ network: "outbound" })).toMatchObject({ code: "not_enclosed", retryable: false, message });
    for (const asked of [
      { network: "none" },
      { filesystem: "confined" },
      { isolation: "container", image: "a" },
    ] as const)
      expect(decide(asked, noEnclosures)).toMatchObject({ code: "not_enclosed" });
  });

  test.each(["", "-v", "a b", "{{ x }}", 7])("has no image named %j", (image) => {
    const found = decide({ isolation: "container" }, able, { image }, "container");
    expect(found).toMatchObject({ code: "configuration" });
  });
});

describe("an assignment", () => {
  test("of an executor that says nothing of it is open", () => {
    expect(assigned({}).enclosure).toBeUndefined();
    expect(assigned({ isolation: "process", network: "full", filesystem: "open" }).enclosure).toBeUndefined();
  });

  test("with words of a later version is taken as strictly as can be", () => {
    expect(assigned({ isolation: "vm", network: "mesh", filesystem: "sealed" }).enclosure).toMatchObject({
      isolation: "container",
      network: "none",
      filesystem: "confined",
    });
  });
});

describe("mounts of a container", () => {
  let folder = "";
  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), "millrace-mounts-")));
    mkdirSync(join(folder, "data/day"), { recursive: true });
    symlinkSync("/etc", join(folder, "data/link"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const mount = (source: string, mountRoots: readonly string[], more: Record<string, unknown> = {}) => {
    const operator = { image: "a", mounts: [{ source, target: "/in", ...more }] };
    const assignment = { ...assigned({}), operatorType: "container", operator };
    const enclosure = { ...open, isolation: "container", network: "none" } as const;
    return enclosureOf({ ...assignment, enclosure }, able, { ...policy, mountRoots });
  };

  test("are those below the folders that the worker allows, read-only unless they say otherwise", () => {
    const source = join(folder, "data/day");
    expect(mount(source, [join(folder, "data")])).toMatchObject({
      mounts: [{ source, target: "/in", readOnly: true }],
    });
    expect(mount(source, [folder], { read_only: false })).toMatchObject({ mounts: [{ readOnly: false }] });
  });

  test.each([
    ["data/day", [], "this worker allows no mounts"],
    ["data", ["data/day"], "may not be mounted"],
    ["data/link", ["data"], "may not be mounted"],
    ["data/day/../..", ["data"], "may not be mounted"],
    ["data/none", ["data"], "does not exist on this worker"],
  ])("%s with %j is refused", (source, roots, message) => {
    const found = mount(
      `${folder}/${source}`,
      roots.map((root) => join(folder, root)),
    );
    expect(found).toMatchObject({ kind: "failed", message: expect.stringContaining(message) });
  });
});
