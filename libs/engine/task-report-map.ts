import type { TaskReport } from "./execution-report.ts";
import { createReport, type ReportSource } from "./task-report.ts";

/** The reports by task id, in the order of registration. Each is made when it is first asked for. */
export class TaskReportMap implements ReadonlyMap<string, TaskReport> {
  readonly #source: ReportSource;
  readonly #made: (TaskReport | undefined)[] = [];

  constructor(source: ReportSource) {
    this.#source = source;
  }

  get size(): number {
    return this.#source.tasks.size;
  }

  has(taskId: string): boolean {
    return this.#source.tasks.placeOf(taskId) !== undefined;
  }

  get(taskId: string): TaskReport | undefined {
    const index = this.#source.tasks.placeOf(taskId);
    return index === undefined ? undefined : this.#at(index);
  }

  keys(): Generator<string, undefined> {
    return this.#source.tasks.ids();
  }

  *values(): Generator<TaskReport, undefined> {
    for (let index = 0; index < this.size; index += 1) yield this.#at(index);
    return undefined;
  }

  *entries(): Generator<[string, TaskReport], undefined> {
    for (const report of this.values()) yield [report.taskId, report];
    return undefined;
  }

  [Symbol.iterator](): Generator<[string, TaskReport], undefined> {
    return this.entries();
  }

  forEach(visit: (report: TaskReport, taskId: string, reports: ReadonlyMap<string, TaskReport>) => void): void {
    for (const report of this.values()) visit(report, report.taskId, this);
  }

  #at(index: number): TaskReport {
    return (this.#made[index] ??= createReport(this.#source, index));
  }
}
