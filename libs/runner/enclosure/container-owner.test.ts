import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { containerOwner, ownerLabels, removeOrphans } from "./container-owner.ts";
import type { ContainerTool } from "./enclosure.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "millrace-owner-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const owner = containerOwner("w1", "/srv/millrace");
const [workerLabel = "", homeLabel = ""] = ownerLabels(owner);

/** An engine's program that has the containers of the file `containers`: an id and its labels a line. */
function engine(extra = ""): ContainerTool {
  const path = join(directory, "engine");
  const script = `#!/bin/bash
cd ${directory}
${extra}
case $1 in
ps)
  wanted=(); while [ $# -gt 0 ]; do [ "$1" = --filter ] && wanted+=("\${2#label=}"); shift; done
  while read -r id labels; do
    for label in "\${wanted[@]}"; do [[ " $labels " == *" $label "* ]] || continue 2; done
    echo "$id"
  done < containers ;;
rm)
  for id in "\${@:4}"; do grep -v "^$id " containers > rest; mv rest containers; done ;;
esac
`;
  writeFileSync(path, script);
  chmodSync(path, 0o755);
  return { kind: "podman", path, hasInit: true, environment: {}, user: { uid: 0, gid: 0 } };
}

function put(...lines: readonly string[]): void {
  writeFileSync(join(directory, "containers"), lines.map((line) => `${line}\n`).join(""));
}

const left = (): string => readFileSync(join(directory, "containers"), "utf8");

describe("what is left of a worker in its engine", () => {
  test("is removed, and nothing of other workers, installations and programs", async () => {
    const others = [
      `c3 ${workerLabel} millrace.home=another`,
      `c4 millrace.worker=w2 ${homeLabel}`,
      `c5 ${workerLabel}0 ${homeLabel}`,
      "c6 something=else",
    ];
    put(`c1 ${workerLabel} ${homeLabel}`, ...others, `c2 millrace.attempt=x ${homeLabel} ${workerLabel}`);
    expect(await removeOrphans(engine(), owner)).toEqual({ removed: 2, problem: null });
    expect(left()).toBe(others.map((line) => `${line}\n`).join(""));
  });

  test("is nothing where there is none: nothing is removed", async () => {
    put("c6 something=else");
    const tool = engine(`[ $1 = rm ] && touch removed`);
    expect(await removeOrphans(tool, owner)).toEqual({ removed: 0, problem: null });
    expect(existsSync(join(directory, "removed"))).toBe(false);
  });

  test("is not known where the engine gives no answer", async () => {
    put();
    const tool = engine("echo no daemon >&2; exit 1");
    expect(await removeOrphans(tool, owner)).toEqual({ removed: 0, problem: "no daemon" });
  });

  test("is said to be left where the engine does not remove it", async () => {
    put(`c1 ${workerLabel} ${homeLabel}`);
    const tool = engine('[ $1 = rm ] && { echo "c1 is busy" >&2; exit 1; }');
    expect(await removeOrphans(tool, owner)).toEqual({ removed: 0, problem: "c1 is busy" });
  });

  test("is asked for until one deadline: an engine that hangs is not asked again", async () => {
    put(`c1 ${workerLabel} ${homeLabel}`);
    const tool = engine("echo $1 >> calls; [ $1 = rm ] && exec sleep 60");
    const { removed, problem } = await removeOrphans(tool, owner, 2000);
    expect([removed, problem]).toEqual([0, expect.stringContaining("no answer within")]);
    expect(readFileSync(join(directory, "calls"), "utf8")).toBe("ps\nrm\n");
  });

  test("belongs to one data directory, by whatever path it is named", () => {
    expect(containerOwner("w1", "/srv/x/../millrace")).toEqual(owner);
    expect(containerOwner("w1", "/srv/millrace2").home).not.toBe(owner.home);
  });
});
