import { RunState } from "#gen/millrace/v1/run_service_pb.js";
import { TaskState } from "#gen/millrace/v1/task_service_pb.js";
import { type Html, html } from "./html.ts";

interface Mark {
  readonly icon: string;
  readonly color: "gray" | "blue" | "green" | "red" | "violet" | "orange" | "yellow";
  readonly word: string;
}

const runMarks: Readonly<Record<RunState, Mark>> = {
  [RunState.UNSPECIFIED]: { icon: "·", color: "gray", word: "no run yet" },
  [RunState.QUEUED]: { icon: "◷", color: "gray", word: "queued" },
  [RunState.RUNNING]: { icon: "◐", color: "blue", word: "running" },
  [RunState.SUCCESS]: { icon: "✓", color: "green", word: "success" },
  [RunState.FAILED]: { icon: "✕", color: "red", word: "failed" },
  [RunState.UP_FOR_RETRY]: { icon: "↻", color: "violet", word: "up for retry" },
  [RunState.CANCELLED]: { icon: "■", color: "gray", word: "cancelled" },
};

const taskMarks: Readonly<Record<TaskState, Mark>> = {
  [TaskState.UNSPECIFIED]: { icon: "·", color: "gray", word: "unknown" },
  [TaskState.NONE]: { icon: "◌", color: "gray", word: "waiting" },
  [TaskState.QUEUED]: { icon: "◷", color: "gray", word: "queued" },
  [TaskState.RUNNING]: { icon: "◐", color: "blue", word: "running" },
  [TaskState.SUCCESS]: { icon: "✓", color: "green", word: "success" },
  [TaskState.FAILED]: { icon: "✕", color: "red", word: "failed" },
  [TaskState.UP_FOR_RETRY]: { icon: "↻", color: "violet", word: "up for retry" },
  [TaskState.UPSTREAM_FAILED]: { icon: "⚠", color: "orange", word: "upstream failed" },
  [TaskState.SKIPPED]: { icon: "»", color: "yellow", word: "skipped" },
  [TaskState.REMOVED]: { icon: "–", color: "gray", word: "removed" },
};

/** Color, icon and word of a run's state. */
export function runMark(state: RunState): Html {
  return renderMark(runMarks[state]);
}

/** Color, icon and word of a task instance's state. */
export function taskMark(state: TaskState): Html {
  return renderMark(taskMarks[state], state === TaskState.REMOVED ? " struck" : "");
}

/** A flag beside a state, never instead of it. */
export function pausedMark(isPaused: boolean): Html | null {
  return isPaused ? renderMark({ icon: "‖", color: "orange", word: "paused" }) : null;
}

function renderMark({ icon, color, word }: Mark, extra = ""): Html {
  return html`<span class="state ${color}${extra}"><i aria-hidden="true">${icon}</i>${word}</span>`;
}
