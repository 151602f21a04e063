import type { ServiceImpl } from "@connectrpc/connect";
import type { ParserService } from "#gen/millrace/v1/parser_service_pb.js";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import { makeFromTemplate, planTemplate } from "./make-from-template.ts";
import { describeTemplate, publishTemplates, withdrawTemplates } from "./publish-templates.ts";
import type { DefinitionRules } from "./read-definition.ts";
import type { TemplateShelf } from "./template-shelf.ts";

export interface TemplateCallDeps {
  readonly store: Store;
  readonly shelf: TemplateShelf;
  readonly rules: DefinitionRules;
  /** Instances in the folder are made again by a scan. */
  readonly scanNow: () => Promise<unknown>;
  readonly logger: Logger;
}

type TemplateCalls = Pick<
  ServiceImpl<typeof ParserService>,
  "publishTemplates" | "describeTemplate" | "withdrawTemplates" | "makeFromTemplate" | "planTemplate"
>;

/** The calls of ParserService about templates. */
export function createTemplateCalls(deps: TemplateCallDeps): TemplateCalls {
  return {
    publishTemplates: ({ publish }) => publishTemplates(deps, publish?.content ?? "", publish?.source ?? ""),
    describeTemplate: (request) => describeTemplate(deps, request),
    withdrawTemplates: (request) => withdrawTemplates(deps, request),
    makeFromTemplate: ({ instantiate }) => makeFromTemplate(deps, instantiate),
    planTemplate: async (request) => ({ plan: await planTemplate(deps, request) }),
  };
}
