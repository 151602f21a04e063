import type { JsonObject as ProtoJson, MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Problem } from "#definition/model.ts";
import { inheritedBy } from "#definition/templates/check-template.ts";
import type { TemplateDocument } from "#definition/templates/definition-documents.ts";
import { createSourceFindings } from "#definition/templates/source-findings.ts";
import { type TemplateCatalog, TemplateSelection } from "#definition/templates/template-catalog.ts";
import { inherit } from "#definition/templates/template-lineage.ts";
import type { TemplateParameters } from "#definition/templates/template-parameters.ts";
import {
  InstanceChangeKind,
  type InstanceChangeSchema,
  type TemplateSchema,
} from "#gen/millrace/v1/template_service_pb.js";
import type { StoredTemplate, TemplateInstance } from "#ports/template-store.ts";
import type { PlannedInstance } from "./plan-template.ts";

/** A template with its parameters and what it inherits. */
export function toTemplateMessage(
  template: TemplateDocument,
  stored: Pick<StoredTemplate, "filePath" | "publishedAt">,
  catalog: TemplateCatalog,
): MessageInitShape<typeof TemplateSchema> {
  const { name, version, docs, extends: base } = template;
  const inherited = inheritedBy(template, { catalog });
  const pinned = new TemplateSelection(catalog, new Map([[name, version]]));
  const whole = inherit(template, pinned, createSourceFindings());
  return {
    name,
    version,
    docs,
    filePath: stored.filePath ?? "",
    publishedAt: timestampFromMs(stored.publishedAt),
    extends: base === null ? "" : `${base.name}@${base.range}`,
    parameters: toParametersJson(whole?.parameters ?? template.parameters),
    ...(inherited === null || inherited.from.length === 0
      ? {}
      : {
          inherits: {
            from: [...inherited.from],
            parameters: [...inherited.parameters],
            tasks: [...inherited.tasks],
            changedTasks: [...inherited.changedTasks],
          },
        }),
  };
}

/** In the words of the file. */
function toParametersJson(parameters: TemplateParameters): ProtoJson {
  const entries = [...parameters].map(([name, { definition, isReference }]) => {
    const { minLength, maxLength, ...rest } = definition;
    const lengths = {
      ...(minLength === undefined ? {} : { min_length: minLength }),
      ...(maxLength === undefined ? {} : { max_length: maxLength }),
    };
    return [name, { ...rest, ...lengths, ...(isReference ? { type: "template_reference" } : {}) }];
  });
  return Object.fromEntries(entries) as ProtoJson;
}

const kinds = {
  unchanged: InstanceChangeKind.UNCHANGED,
  changed: InstanceChangeKind.CHANGED,
  broken: InstanceChangeKind.BROKEN,
} as const;

/** `dagVersion` 0: nothing was put in force. */
export function toInstanceChange(
  instance: TemplateInstance,
  planned: PlannedInstance,
  dagVersion: number,
): MessageInitShape<typeof InstanceChangeSchema> {
  const diff = planned.kind === "changed" ? planned.diff : null;
  const problems = planned.kind === "broken" ? planned.problems : [];
  return {
    dagId: instance.dagId,
    kind: kinds[planned.kind],
    fromVersion: instance.template.version,
    toVersion: planned.kind === "broken" ? "" : planned.toVersion,
    tasksAdded: [...(diff?.tasksAdded ?? [])],
    tasksRemoved: [...(diff?.tasksRemoved ?? [])],
    tasksChanged: (diff?.tasksChanged ?? []).map(({ id, keys }) => ({ taskId: id, keys: [...keys] })),
    keysChanged: [...(diff?.keys ?? [])],
    problems: [...problems] satisfies Problem[],
    dagVersion,
    filePath: instance.filePath ?? "",
  };
}
