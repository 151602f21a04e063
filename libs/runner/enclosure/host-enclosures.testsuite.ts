import { saySkipped, saySkippedWithout } from "#testing/skipped-tests.ts";
import { findExecutable, systemPath } from "../find-executable.ts";
import { findHostEnclosures, type HostEnclosures } from "./host-enclosures.ts";

/** What this host encloses in tests; what it can't is told. Under CI a program that is missing throws. */
export async function findTestEnclosures(): Promise<HostEnclosures> {
  const searchPath = process.env["PATH"] ?? systemPath;
  for (const program of ["bwrap", "slirp4netns"])
    if ("code" in findExecutable(program, { searchPath, cwd: "/" }))
      saySkippedWithout("tests of enclosed processes", `${program} is not installed`);
  const host = await findHostEnclosures({ PATH: searchPath });
  for (const [capability, reason] of Object.entries(host.missing))
    if (capability !== "container") saySkipped(`tests of ${capability}`, reason);
  return host;
}
