import { readEnvironment } from "#config/environment.ts";
import type { Settings } from "#config/settings-schema.ts";
import { AppError } from "#errors/app-error.ts";
import { findCgroupSupport } from "#runner/cgroup-support.ts";
import { findHostEnclosures } from "#runner/enclosure/host-enclosures.ts";
import type { CliContext } from "../context.ts";
import { type Flags, settingsFromFlags } from "../settings-from-flags.ts";
import type { Check } from "./diagnosis.ts";

/** What this machine can tell: its configuration, and what a worker on it would have. `settings` null: they are wrong. */
export async function checkHere(options: {
  flags: Flags;
  context: CliContext;
}): Promise<{ checks: readonly Check[]; settings: Settings | null }> {
  const machine = [checkCgroups(), await checkEnclosures()];
  try {
    const settings = await settingsFromFlags(options.flags, options.context);
    const detail = "flags, environment and file are valid";
    return { checks: [{ name: "configuration", status: "ok", detail, fix: "" }, ...machine], settings };
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "INVALID_CONFIG") throw error;
    const fix = "correct the named settings; `millrace config schema` lists all";
    return {
      checks: [{ name: "configuration", status: "problem", detail: error.message, fix }, ...machine],
      settings: null,
    };
  }
}

async function checkEnclosures(): Promise<Check> {
  const { capabilities, missing } = await findHostEnclosures(readEnvironment());
  const can = capabilities.length === 0 ? "not enclose attempts" : `enclose attempts as ${capabilities.join(", ")}`;
  const lacks = Object.entries(missing).map(([name, reason]) => `${name}: ${reason}`);
  const detail = [`a worker here can ${can}`, ...lacks].join("; ");
  return { name: "enclosures", status: "ok", detail, fix: "" };
}

function checkCgroups(): Check {
  const name = "cgroup";
  if (process.platform !== "linux") {
    return {
      name,
      status: "ok",
      detail: "not on this system: a worker here ends attempts by their process groups",
      fix: "",
    };
  }
  const support = findCgroupSupport({ delegates: false });
  if (support.parent !== null) {
    const part = support.missing === null ? "" : `; it watches what the kernel does not limit: ${support.missing}`;
    return { name, status: "ok", detail: `a worker here can give each attempt a cgroup of its own${part}`, fix: "" };
  }
  const detail = `a worker here ends attempts by their process groups: ${support.missing}`;
  const fix = "where tasks start daemons, run workers with a writable cgroup v2, e.g. under systemd with Delegate=yes";
  return { name, status: "warning", detail, fix };
}
