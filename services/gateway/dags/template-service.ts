import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { createClient, type ServiceImpl, type Transport } from "@connectrpc/connect";
import { AppError } from "#errors/app-error.ts";
import { ParserService } from "#gen/millrace/v1/parser_service_pb.js";
import type { TemplateInstanceSchema, TemplateSchema, TemplateService } from "#gen/millrace/v1/template_service_pb.js";
import type { Page, PageRequest } from "#ports/queries.ts";
import type { StoredTemplate, TemplateInstance, TemplateStore } from "#ports/template-store.ts";
import { pageOf } from "#store/memory/page.ts";
import { forwardOptions } from "../forward.ts";
import { readPage } from "../list-request.ts";
import { refuseErrors } from "./refuse-errors.ts";

/** Handles TemplateService: lists from the store; whatever needs the rules of definitions is asked of the parser. */
export function createTemplateService(deps: {
  templates: Pick<TemplateStore, "list" | "listInstances">;
  parser: Transport;
}): ServiceImpl<typeof TemplateService> {
  const { templates } = deps;
  const parser = createClient(ParserService, deps.parser);
  return {
    async listTemplates(request) {
      const page = readPage(request);
      const found = pageBy(await templates.list(), page, ({ name, version }) => `${name}@${version}`);
      return { templates: found.items.map(toTemplateSummary), ...envelopeOf(found, page) };
    },

    async publishTemplates(publish, context) {
      const { templates: published, problems } = await parser.publishTemplates({ publish }, forwardOptions(context));
      refuseErrors(problems, "the templates have errors");
      return { templates: published, problems };
    },

    async getTemplate({ name, version }, context) {
      const { template } = await parser.describeTemplate({ name, version }, forwardOptions(context));
      return template === undefined ? {} : { template };
    },

    async withdrawTemplate({ name, version }, context) {
      const { withdrawn } = await parser.withdrawTemplates({ name, version }, forwardOptions(context));
      return { withdrawn };
    },

    async listTemplateInstances(request) {
      const page = readPage(request);
      const { name } = request;
      const all = (await templates.listInstances()).filter(({ uses }) =>
        uses.some((key) => key.startsWith(`${name}@`)),
      );
      if (all.length === 0) await requireTemplate(templates, name);
      const found = pageBy(all, page, ({ dagId }) => dagId);
      return { instances: found.items.map(toInstanceMessage), ...envelopeOf(found, page) };
    },

    async instantiateTemplate(instantiate, context) {
      const made = await parser.makeFromTemplate({ instantiate }, forwardOptions(context));
      refuseErrors(made.problems, `nothing can be made from the template ${instantiate.name}`);
      const { dagId, version, templateVersion, problems } = made;
      return { dagId, version, templateVersion, problems };
    },

    async getTemplateImpact({ name, content }, context) {
      const { plan } = await parser.planTemplate({ name, content }, forwardOptions(context));
      return plan === undefined ? {} : { plan };
    },

    async updateTemplateInstances({ name, instances, plan: isPlanned }, context) {
      const { plan } = await parser.planTemplate({ name, instances, apply: !isPlanned }, forwardOptions(context));
      return plan === undefined ? {} : { plan };
    },
  };
}

function pageBy<T>(all: readonly T[], page: PageRequest, keyOf: (item: T) => string): Page<T> {
  return pageOf(all, page, { order: [{ value: keyOf, descending: false }], sorts: {} });
}

function envelopeOf({ nextCursor, totalCount }: Page<unknown>, page: PageRequest) {
  return { nextCursor: nextCursor ?? "", totalCount: BigInt(totalCount), pageSize: page.limit };
}

async function requireTemplate(templates: Pick<TemplateStore, "list">, name: string): Promise<void> {
  if ((await templates.list()).some((template) => template.name === name)) return;
  throw new AppError("TEMPLATE_NOT_FOUND", `there is no template ${name}`, { details: { template: name } });
}

function toTemplateSummary(template: StoredTemplate): MessageInitShape<typeof TemplateSchema> {
  const { name, version, filePath, docs, isBroken, publishedAt } = template;
  return { name, version, filePath: filePath ?? "", docs, isBroken, publishedAt: timestampFromMs(publishedAt) };
}

function toInstanceMessage(instance: TemplateInstance): MessageInitShape<typeof TemplateInstanceSchema> {
  const { dagId, template, range, filePath, parameters, uses } = instance;
  return {
    dagId,
    template: template.name,
    version: template.version,
    versionRange: range,
    filePath: filePath ?? "",
    parameters: parameters as JsonObject,
    uses: [...uses],
  };
}
