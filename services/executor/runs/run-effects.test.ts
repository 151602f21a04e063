import { expect, it } from "vitest";
import { systemClock } from "#clock/system-clock.ts";
import type { WakeTopic } from "#ports/wake.ts";
import { createLogger } from "#telemetry/logger.ts";
import { createRunningStore } from "#testing/clocked-store.ts";
import { planOfSpec } from "#testing/plan-spec.ts";
import { change, startRun } from "#testing/store-driver.ts";
import { SessionRegistry } from "../sessions/session-registry.ts";
import { RunEffects } from "./run-effects.ts";

it("tells after a commit without an answer whatever the commit may have made", async () => {
  const store = createRunningStore(planOfSpec);
  const { runKey, runId } = await startRun(store, [{ id: "a" }]);
  const changed = await change(store, runKey, [{ kind: "cancel", reason: "" }]);
  if (changed.kind !== "applied") throw new Error(`the run was not ended: ${changed.kind}`);
  const heard: string[] = [];
  const told = ["queued", "room", "outbox", "ended"] as const satisfies readonly WakeTopic[];
  // What the change itself has told is over with its turn.
  await Promise.resolve();
  for (const topic of told) store.wake.listen(topic, (detail) => heard.push(`${topic} ${detail}`.trim()));
  const effects = new RunEffects({
    store,
    clock: systemClock,
    sessions: new SessionRegistry(),
    assignments: {} as never,
    logger: createLogger({ level: "silent", format: "json", component: "test" }),
    submit: () => Promise.reject(new Error("nothing is to be submitted")),
    slotsFreed: () => heard.push("slots freed"),
    offerReady: () => false,
    dueIn: (ms) => heard.push(`due in ${ms}`),
    waitIn: (ms) => heard.push(`waits in ${ms}`),
  });
  effects.recover(changed.run);
  await expect
    .poll(() => heard.toSorted())
    .toEqual(["due in 0", `ended ${runId}`, "outbox", "queued", "room", "waits in 0"]);
});
