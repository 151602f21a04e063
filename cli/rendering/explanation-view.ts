import type { Explanation } from "#gen/millrace/v1/task_service_pb.js";
import type { Paint } from "./paint.ts";
import { taskStateWord } from "./proto-words.ts";
import { taskStateStyles } from "./state-style.ts";
import { renderTable } from "./table.ts";
import { harmlessLine } from "./terminal-text.ts";

/** Why something waits: a sentence, and for a run a table of what has not ended. */
export function renderExplanation(
  explanation: Explanation,
  options: { paint: Paint; width: number | null },
): readonly string[] {
  if (explanation.id !== "") return explanation.reasons.map(({ text }) => harmlessLine(text));
  const summary = harmlessLine(explanation.summary);
  if (explanation.reasons.length === 0) return [summary];
  const rows = explanation.reasons.map(({ taskId, mapIndex, state, text }) => {
    const style = taskStateStyles[taskStateWord(state)];
    const task = mapIndex === undefined ? taskId : `${taskId}[${mapIndex}]`;
    return [{ text: task }, { text: `${style.icon} ${style.word}`, color: style.color }, { text }];
  });
  const columns = [{ title: "TASK" }, { title: "STATE" }, { title: "WHY", flexible: true }];
  const more =
    explanation.more > 0n ? [`and ${explanation.more} more task instances; a larger --limit tells of them`] : [];
  return [summary, "", ...renderTable({ columns, rows, ...options }), ...more];
}
