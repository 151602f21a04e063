import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Definition, Problem } from "#definition/model.ts";
import { dagIdPattern, dagIdWords } from "#definition/schema/id-forms.ts";
import { AppError } from "#errors/app-error.ts";
import type { MakeFromTemplateRequest, MakeFromTemplateResponseSchema } from "#gen/millrace/v1/parser_service_pb.js";
import type { TemplatePlanSchema } from "#gen/millrace/v1/template_service_pb.js";
import type { Store } from "#ports/store.ts";
import type { TemplateInstance } from "#ports/template-store.ts";
import { instanceText } from "./instance-text.ts";
import { planInstance, withPublished } from "./plan-template.ts";
import { readTemplates, requireTemplate, templateNotFound } from "./publish-templates.ts";
import { readDefinition, type ValidDefinition } from "./read-definition.ts";
import { describeTakenHook, registerDefinition } from "./register-definition.ts";
import type { TemplateCallDeps } from "./template-calls.ts";
import { toInstanceChange } from "./template-message.ts";

/** Makes a DAG from a template, or the next version of one, and puts it in force. */
export async function makeFromTemplate(
  { store, shelf, rules, logger }: TemplateCallDeps,
  instantiate: MakeFromTemplateRequest["instantiate"],
): Promise<MessageInitShape<typeof MakeFromTemplateResponseSchema>> {
  const { name = "", version = "", instanceName = "", dagId = "", parameters = {} } = instantiate ?? {};
  const ownName = instanceName === "" ? dagId : instanceName;
  if (!dagIdPattern.test(ownName)) {
    throw new AppError("INVALID_ARGUMENT", `instance_name, or dag_id in its place, must be ${dagIdWords}`, {
      details: { field: "instance_name" },
    });
  }
  await requireTemplate(shelf, name, version);
  const range = version === "" ? "*" : version;
  const text = instanceText({ name, range, id: dagId === "" ? null : dagId, parameters });
  const file = `${ownName}.yaml`;
  const read = readDefinition(Buffer.from(text), file, { ...rules, templates: shelf.catalog });
  if (read.kind === "invalid") return { problems: [...read.problems] };
  const made = await putInForce(store, read, file);
  logger.info({ dag_id: read.definition.id, version: made, template: name }, "made a DAG from a template");
  const templateVersion = read.origin?.template.version ?? "";
  return { dagId: read.definition.id, version: made, templateVersion, problems: [...read.warnings] };
}

/** The version of the DAG. */
async function putInForce(store: Store, read: ValidDefinition, file: string): Promise<number> {
  const { id } = read.definition;
  const result = await registerDefinition(store, read, null);
  switch (result.kind) {
    case "registered":
      return result.version;
    case "taken": {
      const message = `the id ${id} is taken by ${result.filePath}, which stays in force; give another dag_id`;
      throw new AppError("DAG_ID_TAKEN", message, { details: { dag_id: id, file_path: result.filePath } });
    }
    case "hook_taken": {
      const message = `${describeTakenHook(read, file, result)}; rename it in one of the two`;
      throw new AppError("HOOK_NAME_TAKEN", message, { details: { hook: result.hook, dag_id: result.dagId } });
    }
  }
}

/** What becomes of the instances of a template, and with `apply` makes it so. */
export async function planTemplate(
  deps: TemplateCallDeps,
  { name, content, instances, apply }: { name: string; content: string; instances: readonly string[]; apply: boolean },
): Promise<MessageInitShape<typeof TemplatePlanSchema>> {
  const { store, shelf, rules } = deps;
  if (apply) await deps.scanNow();
  await shelf.refresh();
  const { templates, problems } = content === "" ? { templates: [], problems: [] } : readTemplates(content, "template");
  const error = problems.find((problem) => !problem.warning);
  if (error !== undefined) throw invalidContent(problems);
  const catalog = withPublished(shelf.catalog, templates);
  if (![...catalog.templates, ...catalog.broken].some((each) => each.name === name)) throw templateNotFound(name, "");
  const changes: ReturnType<typeof toInstanceChange>[] = [];
  for (const instance of await chosenInstances(store, name, instances)) {
    const active = await store.definitions.getActive(instance.dagId);
    if (active === null) continue;
    const planned = planInstance(instance, active.definition as Definition, { catalog, rules });
    const isMade = apply && planned.kind === "changed" && instance.filePath === null;
    const result = isMade ? await registerDefinition(store, planned.read, null) : null;
    changes.push(toInstanceChange(instance, planned, result?.kind === "registered" ? result.version : 0));
  }
  return { name, instances: changes };
}

async function chosenInstances(
  store: Store,
  name: string,
  ids: readonly string[],
): Promise<readonly TemplateInstance[]> {
  const all = (await store.templates.listInstances()).filter(({ uses }) =>
    uses.some((key) => key.startsWith(`${name}@`)),
  );
  const known = new Set(all.map(({ dagId }) => dagId));
  const unknown = ids.filter((id) => !known.has(id));
  if (unknown.length > 0) {
    const message = `${unknown.join(", ")} is no instance of the template ${name}`;
    throw new AppError("DAG_NOT_FOUND", message, { details: { dag_ids: unknown } });
  }
  return ids.length === 0 ? all : all.filter(({ dagId }) => ids.includes(dagId));
}

function invalidContent(problems: readonly Problem[]): AppError {
  const [first] = problems;
  return new AppError("INVALID_DEFINITION", `the content has errors: ${first?.message ?? ""}`, {
    details: { errors: problems },
  });
}
