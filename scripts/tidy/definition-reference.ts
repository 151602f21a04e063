import { fieldTable } from "./field-tables.ts";
import type { GeneratedSection } from "./generated-section.ts";
import { byType, type DefinitionSchema, readDefinitionSchema, type SchemaNode, schemaPath } from "./schema-node.ts";

interface Part {
  readonly title: string;
  readonly node: SchemaNode | undefined;
}

/** Every key of the format, from the schema that editors have. */
export const definitionReference: GeneratedSection = {
  path: "docs/reference.md",
  name: "keys",
  render: ({ read }) =>
    partsOf(readDefinitionSchema(read(schemaPath))).flatMap(({ title, node }, place) =>
      node === undefined ? [] : [...(place === 0 ? [] : [""]), `## ${title}`, "", ...fieldTable(node)],
    ),
};

function partsOf({ definitions }: DefinitionSchema): readonly Part[] {
  const { dag, task, hookTask, longParameter, template, instance, sensor } = definitions;
  const sensors = [...byType(sensor)].map(([type, node]) => ({ title: `A sensor of type ${type}`, node }));
  return [
    { title: "A DAG", node: dag === undefined ? undefined : withoutDefaults(dag) },
    { title: "A task", node: task },
    { title: "A hook", node: hookTask },
    { title: "A parameter, an output or a field of a form", node: longParameter && withoutRepeats(longParameter) },
    { title: "A template", node: template },
    { title: "An instance of a template", node: instance },
    ...sensors,
  ];
}

/** The keys of `default_task_config` are those of tasks, which have a table of their own. */
function withoutDefaults(dag: SchemaNode): SchemaNode {
  const description = "Defaults for the keys of all tasks, see the next table.";
  return { ...dag, properties: { ...dag.properties, default_task_config: { type: "object", description } } };
}

/** The keys below `validation` are those beside it. */
function withoutRepeats(parameter: SchemaNode): SchemaNode {
  const validation: SchemaNode = { type: "object", description: "The same constraints, one level deeper." };
  return { ...parameter, properties: { ...parameter.properties, validation } };
}
