import type { MailSink } from "../harness/mail-sink.ts";
import type { Json, RestClient, SeenRun, SeenTask } from "../harness/rest-client.ts";
import type { WebSink } from "../harness/web-sink.ts";
import type { Deployment } from "../harness.ts";

/** What a row acts on, and sees: one server with all definitions of the table. */
export interface Sight extends RestClient {
  readonly deployment: Deployment;
  readonly web: WebSink;
  readonly mail: MailSink;
}

/** Shows by a workflow what fields of the format do. The first of its definitions is run, unless it acts by itself. */
export interface FieldRow {
  /** What the fields do, as the name of a test. */
  readonly does: string;
  /** The fields, as `listFieldPaths` names them. */
  readonly shows: readonly string[];
  /** Whole files, each with an `id:`, or as a template a `name:`, in a line of its own. */
  readonly yaml: readonly string[];
  /** Parameters of the run. */
  readonly parameters?: Json;
  /** The state in which the run ends; `success` unless said. */
  readonly ends?: string;
  readonly tasks?: Readonly<Record<string, Partial<SeenTask>>>;
  readonly outputs?: Readonly<Record<string, Json>>;
  /** Text that the logs of tasks hold. */
  readonly logs?: Readonly<Record<string, string>>;
  /** More to see of the run that has ended. */
  readonly check?: (see: Sight, run: SeenRun) => Promise<void> | void;
  /** In place of one run. */
  readonly act?: (see: Sight) => Promise<void>;
}
