/** One change of the product's own source that plants a bug. */
export interface Patch {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface PlantedBug {
  readonly name: string;
  /** Where a search that is to be short begins: it was found there once. */
  readonly firstSeed?: number;
  readonly patches: readonly Patch[];
}

/** Bugs that the simulation must find. They are planted in the real code, in a copy of the tree. */
export const plantedBugs: readonly PlantedBug[] = [
  {
    name: "events are published without the outbox: after the answer, by the process itself",
    patches: [
      { file: "libs/store/memory/apply-decision.ts", find: "  state.emit(events);\n", replace: "  void events;\n" },
      {
        file: "simulation/database/sim-store.ts",
        find: "      const results = await changeRuns({ table, cache }, changes);\n",
        replace: `      const results = await changeRuns({ table, cache }, changes);
      for (const result of results) {
        const run = result.kind === "applied" ? database.state.runs.get(result.run.run.runKey) : undefined;
        if (result.kind === "applied" && run !== undefined) database.state.emit(toNewEvents(run, result.decision));
      }
`,
      },
      {
        file: "simulation/database/sim-store.ts",
        find: "import { changeRuns }",
        replace: 'import { toNewEvents } from "#store/memory/apply-decision.ts";\nimport { changeRuns }',
      },
    ],
  },
  {
    name: "the in-degree falls twice for one parent",
    patches: [
      {
        file: "libs/core/propagation.ts",
        find: "inDegree: child.inDegree - 1 }",
        replace: "inDegree: Math.max(0, child.inDegree - 2) }",
      },
    ],
  },
  {
    name: "writes are not guarded by the run's sequence",
    patches: [
      {
        file: "simulation/database/sim-database.ts",
        find: "run.row.sequence === decision.expectedSequence && ",
        replace: "",
      },
    ],
  },
  {
    name: "an outcome is acknowledged before its commit",
    patches: [
      {
        file: "services/executor/sessions/session-handler.ts",
        find: "    held.isReported = true;\n",
        replace: '    held.isReported = true;\n    this.#session.acknowledge(held.ref, true, "");\n',
      },
    ],
  },
  {
    name: "an assignment that got lost is never sent again",
    patches: [
      {
        file: "services/executor/sessions/session-opening.ts",
        find: "for (const row of resend) {",
        replace: "for (const row of resend.slice(resend.length)) {",
      },
    ],
  },
  {
    name: "the reaper looks for lost workers, and marks them blindly a scan later",
    patches: [
      {
        file: "libs/store/memory/worker-store.ts",
        find: `      for (const worker of lost) end(state, worker, "lost");
      return lost.map(`,
        replace: `      const seen = (state as unknown as { seen?: typeof lost }).seen ?? [];
      (state as unknown as { seen?: typeof lost }).seen = lost;
      for (const worker of seen) if (isInService(worker)) end(state, worker, "lost");
      return seen.map(`,
      },
      {
        file: "libs/store/memory/worker-store.ts",
        find: "(worker) => isInService(worker) && worker.leaseExpiresAt + marginMs < state.now(),",
        replace: "(worker) => isInService(worker) && worker.leaseExpiresAt + marginMs - 1500 < state.now(),",
      },
    ],
  },
  {
    name: "rerun: a cleared instance keeps its fence",
    patches: [{ file: "libs/core/clear-tasks.ts", find: "      fence: before.fence + 1,\n", replace: "" }],
  },
  {
    name: "rerun: items of a new generation begin with the fence of their group",
    firstSeed: 250,
    patches: [{ file: "libs/core/fan-out.ts", find: "      fence,\n", replace: "" }],
  },
  {
    name: "a worker does not kill when its lease is over",
    firstSeed: 500,
    patches: [
      {
        file: "services/worker/session-state.ts",
        find: "  turn.change({ leaseUntil: null });\n  loseLease(turn);\n",
        replace: "  turn.change({ leaseUntil: null });\n",
      },
      { file: "services/worker/session-loop.ts", find: "this.#options.setRunnerLease(", replace: "void (" },
    ],
  },
  {
    name: "an assignment is sent behind its stop order",
    firstSeed: 1000,
    patches: [
      {
        file: "services/executor/sessions/session.ts",
        find: "this.#next.filter(({ attempt }) => this.find(attempt)?.isStopping === false)",
        replace: "this.#next",
      },
      {
        file: "services/executor/runs/run-effects.ts",
        find: "if (!isWanted) this.#releaseUnsent(run, instance.ordinal, fence);\n      else if",
        replace: "void [isWanted, fence];\n      if",
      },
    ],
  },
  {
    name: "claims do not raise the fence",
    patches: [
      {
        file: "libs/core/open-attempt.ts",
        find: "  const fence = instance.fence + 1;\n",
        replace: "  const fence = Math.max(1, instance.fence);\n",
      },
    ],
  },
  {
    name: "a retry is queued again without a look at its state and fence",
    patches: [
      {
        file: "libs/core/attempt-events.ts",
        find: `  if (instance.fence !== event.fence) return refuse("stale_fence");
  if (instance.state !== "up_for_retry") return refuse("illegal_state");
  if (instance.dueAt`,
        replace: "  if (instance.dueAt",
      },
    ],
  },
  {
    name: "an instance is dispatched and handed on while its old attempt is held",
    patches: [
      {
        file: "libs/store/memory/run-indexes.ts",
        find: 'after.state === "queued" && !after.held && ',
        replace: 'after.state === "queued" && ',
      },
      { file: "libs/core/attempt-events.ts", find: '  if (instance.held) return refuse("held");\n', replace: "" },
      { file: "libs/core/run-draft.ts", find: "    !instance.held &&\n", replace: "" },
    ],
  },
  {
    name: "retry: delays are not waited for",
    patches: [
      {
        file: "libs/core/attempt-events.ts",
        find: '  if (instance.dueAt !== null && instance.dueAt > draft.now) return refuse("not_due");\n  return accept(requeue',
        replace: "  return accept(requeue",
      },
      {
        file: "libs/store/memory/run-store.ts",
        find: "    if (next.at > state.now() || due.length",
        replace: "    if (next.at > state.now() + 500 || due.length",
      },
    ],
  },
  {
    name: "hand-off: a retry of a batch gives away the slots that the first try gave away",
    patches: [
      {
        file: "services/executor/runs/run-writer.ts",
        find: "this.#uncertain.has(runKey) ? [] : group",
        replace: "group",
      },
      {
        file: "services/worker/held-attempts.ts",
        find: "    if (alive.length >= turn.state.slots) return;\n",
        replace: "",
      },
    ],
  },
  {
    name: "a date may have two runs",
    patches: [
      {
        file: "libs/store/memory/create-run.ts",
        find: "  if (old !== undefined && !next.replaceExisting) return",
        replace: "  if (old !== undefined && next.leaderEpoch === null && !next.replaceExisting) return",
      },
      { file: "libs/store/memory/create-run.ts", find: "  if (old !== undefined) archive(state, old);\n", replace: "" },
    ],
  },
  {
    name: "tickets: the offset passes before the claim and nothing is dispatched again",
    patches: [
      {
        file: "services/worker/session-tickets.ts",
        find: '    turn.emit({ kind: "send_claim", ref });\n',
        replace: '    turn.emit({ kind: "pass_ticket", delivery });\n    turn.emit({ kind: "send_claim", ref });\n',
      },
      {
        file: "libs/store/memory/dispatch-stamps.ts",
        find: "at !== null && at > state.now() - milliseconds",
        replace: "at !== null && milliseconds > 0",
      },
    ],
  },
  {
    name: "tickets: a claim that comes too late is answered with the attempt that another worker has",
    patches: [
      {
        file: "services/executor/dispatch/ticket-claims.ts",
        find: "if (held !== undefined && instance !== undefined && mayHearAgain(held, ref, instance)) {",
        replace: 'if (instance?.state === "running" || (held && instance && mayHearAgain(held, ref, instance))) {',
      },
    ],
  },
  {
    name: "tickets: claims outlive the session that they were made on",
    patches: [{ file: "services/worker/session-state.ts", find: "  forgetClaims(turn);\n", replace: "" }],
  },
  {
    name: "tickets: one that got lost takes its slot for ever",
    patches: [
      {
        file: "services/executor/sessions/session-offers.ts",
        find: "      if (until > now) break;\n",
        replace: "      if (until > now || now > 0) break;\n",
      },
    ],
  },
  {
    name: "limits: an attempt that is over keeps its slot",
    patches: [
      {
        file: "libs/core/run-draft.ts",
        find: "      else if (needs.length > 0 || after.revision > 0) slotsFreed.push(ordinal);\n",
        replace: "",
      },
    ],
  },
  {
    name: "limits: a run is admitted though others have taken the room",
    patches: [
      {
        file: "simulation/database/sim-database.ts",
        find: "ordered.slice(Math.max(0, room))",
        replace: "ordered.slice(Math.max(0, room) + 1)",
      },
    ],
  },
  {
    name: "limits: a rerun or a resumed run that waits for room is told to nobody, and room given back neither",
    patches: [
      {
        file: "services/executor/runs/admit-runs.ts",
        find: "await store.runs.listAdmissible(maxRunsPerRound)",
        replace: "(await store.runs.listAdmissible(maxRunsPerRound)).slice(0, 0)",
      },
    ],
  },
  {
    name: "hooks: one of a failure is called for a task that was never called itself",
    patches: [
      {
        file: "libs/core/hook.ts",
        find: "? parents.success : parents.failed;",
        replace: "? parents.success : parents.failed + parents.upstreamFailed;",
      },
    ],
  },
  {
    name: "hooks: the end of a run is told before all of it has ended",
    patches: [{ file: "libs/core/hook.ts", find: "if (inDegree > 0)", replace: "if (inDegree > 1)" }],
  },
];
