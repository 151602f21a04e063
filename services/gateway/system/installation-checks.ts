import { describeError } from "#errors/app-error.ts";
import type { ConsistencyStore, StoreFacts } from "#ports/consistency-store.ts";

export interface InstallationCheck {
  readonly name: string;
  readonly status: "ok" | "warning" | "problem";
  readonly detail: string;
  /** What to do; empty when it is ok. */
  readonly fix: string;
}

/** Clocks that differ by more, in milliseconds, make times on the page and in logs misleading; leases go by one clock. */
const skewLimitMs = 1000;
const shownNames = 5;

/** What the gateway can tell of the database, its tables, its clock and the versions of what runs. */
export async function checkInstallation(deps: {
  consistency: Pick<ConsistencyStore, "describe">;
  version: string;
  /** Wall clock in milliseconds since 1970. */
  now: () => number;
}): Promise<readonly InstallationCheck[]> {
  const askedAt = deps.now();
  let facts: StoreFacts;
  try {
    facts = await deps.consistency.describe();
  } catch (error) {
    const fix = "see that the database runs and that DATABASE_URL of the services is right";
    return [{ name: "database", status: "problem", detail: `it does not answer: ${describeError(error)}`, fix }];
  }
  const answeredAt = deps.now();
  return [
    checkDurability(facts),
    checkMigrations(facts),
    checkClock(facts, { askedAt, answeredAt }),
    checkWorkers(facts, deps.version),
  ];
}

function checkDurability({ unsafeSettings }: StoreFacts): InstallationCheck {
  if (unsafeSettings.length === 0) return ok("database", "answers, and keeps what it acknowledges");
  const detail = `${unsafeSettings.join(" and ")} is off: what was acknowledged may be lost`;
  return { name: "database", status: "problem", detail, fix: "set it to on and restart the database" };
}

function checkMigrations({ migrations }: StoreFacts): InstallationCheck {
  const name = "migrations";
  const named = (state: string): string =>
    shorten(migrations.filter((one) => one.state === state).map((one) => one.name));
  const changed = named("changed");
  if (changed !== "") {
    const detail = `${changed}: changed after it was applied`;
    return { name, status: "problem", detail, fix: "restore the files that were applied" };
  }
  const pending = named("pending");
  if (pending !== "") {
    return { name, status: "problem", detail: `not applied: ${pending}`, fix: "run `millrace db migrate`" };
  }
  const unknown = named("unknown");
  if (unknown === "") return ok(name, "all are applied");
  const detail = `applied by a newer version: ${unknown}`;
  return { name, status: "warning", detail, fix: "finish the upgrade of all services" };
}

/** The database's clock against this one, give or take half of the round trip. */
function checkClock(
  facts: StoreFacts,
  { askedAt, answeredAt }: { askedAt: number; answeredAt: number },
): InstallationCheck {
  const skewMs = Math.round(facts.now - (askedAt + answeredAt) / 2);
  const toleranceMs = skewLimitMs + (answeredAt - askedAt) / 2;
  const detail = `the database is ${Math.abs(skewMs)} ms ${skewMs < 0 ? "behind" : "ahead of"} the gateway`;
  if (Math.abs(skewMs) <= toleranceMs) return ok("clock", detail);
  return { name: "clock", status: "warning", detail, fix: "synchronize the clocks of both machines, e.g. with chrony" };
}

function checkWorkers({ workerVersions }: StoreFacts, version: string): InstallationCheck {
  const name = "workers";
  if (workerVersions.length === 0) {
    return {
      name,
      status: "warning",
      detail: "none is in service: tasks wait",
      fix: "start one with `millrace start worker`",
    };
  }
  const others = workerVersions.filter((worker) => worker.version !== version);
  if (others.length === 0) return ok(name, `${workerVersions.length} in service, all of version ${version}`);
  const list = shorten(others.map(({ workerId, version: other }) => `${workerId} ${other}`));
  const detail = `of another version than the gateway's ${version}: ${list}`;
  return { name, status: "warning", detail, fix: "finish the upgrade" };
}

/** Whether the executor that was asked is of this version. */
export function checkExecutorVersion(found: string, version: string): InstallationCheck {
  if (found === version) return ok("versions", `gateway and executor are ${version}`);
  const detail = `the executor is ${found}, the gateway ${version}`;
  return { name: "versions", status: "warning", detail, fix: "finish the upgrade" };
}

function ok(name: string, detail: string): InstallationCheck {
  return { name, status: "ok", detail, fix: "" };
}

function shorten(names: readonly string[]): string {
  const more = names.length > shownNames ? ` and ${names.length - shownNames} more` : "";
  return `${names.slice(0, shownNames).join(", ")}${more}`;
}
