import { z } from "zod";
import { dagIdPattern, dagIdWords, taskIdPattern, taskIdWords } from "../schema/id-forms.ts";

/*
 * The shape of templates and of what is made from them, as people write it. The body below `dag:` is checked as a
 * definition once it is filled in.
 */

const name = z
  .string()
  .regex(dagIdPattern, `must be ${dagIdWords}`)
  .meta({ patternErrorMessage: `must be ${dagIdWords}` });
const range = z.string().min(1).max(200).describe("A range of versions, such as `^1.2`; any by default.");
const values = z.record(z.string(), z.unknown());

const reference = z.union([
  z.string(),
  z.strictObject({ name: z.string().describe("The template."), version: range.optional() }),
]);

const templateTest = z.strictObject({
  name: z.string().optional().describe("What the test is about."),
  parameters: values.optional().describe("Values for the template's parameters."),
  error: z.string().optional().describe("The code of a problem that must be found; none: there must be no error."),
});

/** What stands below `template:`. */
export const templateHeaderSchema = z.strictObject({
  name: name.describe("What instances and other templates call it."),
  version: z.string().optional().describe("A semantic version; 0.0.0 by default."),
  extends: reference.optional().describe("The template whose body and parameters this one begins with."),
  parameters: values.optional().describe("What an instance gives: defaults or schemas, as for a definition."),
  docs: z.string().optional().describe("For people, as Markdown."),
  tests: z.array(templateTest).max(100).optional().describe("Instances that must come out right, or fail."),
});

/** A document with a template. */
export const templateFileSchema = z.strictObject({
  format: z.literal(1).optional(),
  template: templateHeaderSchema.describe("What the template is called and what it takes."),
  dag: z.record(z.string(), z.unknown()).optional().describe("The body: a definition with template expressions."),
});

/** One entry of `include:` in a body. */
export const includeSchema = z.strictObject({
  template: z.string().describe("The template whose tasks are taken."),
  version: range.optional(),
  prefix: z.string().regex(taskIdPattern, `must be ${taskIdWords}`).describe("Goes before the ids of its tasks."),
  parameters: values.optional().describe("Values for the included template's parameters."),
});

/** A document that makes a definition from a template. */
export const instanceFileSchema = z.strictObject({
  format: z.literal(1).optional(),
  id: z.unknown().optional().describe("The id of the DAG; the template's by default, else `<template>_<file>`."),
  from_template: z
    .strictObject({
      name: z.string().describe("The template."),
      version: range.optional(),
      parameters: values.optional().describe("Values for the template's parameters."),
    })
    .describe("The template and what to fill in."),
});
