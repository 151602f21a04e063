/** Operators of one's own; docs/plugins.md explains them. */
export const operators = [
  {
    type: "acme.row_count",
    description: "Counts the rows of a list.",
    schema: {
      type: "object",
      additionalProperties: false,
      required: ["rows"],
      properties: { rows: { type: "array" }, at_least: { type: "integer", default: 0 } },
    },
    execute({ config, logger }) {
      const { rows, at_least: least } = config;
      logger.info("counted", { rows: rows.length });
      if (rows.length < least) throw new Error(`${rows.length} rows, fewer than ${least}`);
      return rows.length;
    },
  },
];
