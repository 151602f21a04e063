/** The colors of the table of states; `plain` is the terminal's own. */
export type Color =
  | "plain"
  | "white"
  | "gray"
  | "light_gray"
  | "dark_gray"
  | "blue"
  | "green"
  | "red"
  | "violet"
  | "orange"
  | "yellow";

/** Text in a color, or the text alone where colors are off. */
export type Paint = (color: Color, text: string, attribute?: "bold" | "dim" | "struck") => string;

/** Parameters of the SGR sequence; the last two digits groups are the 256-color palette where the basic 16 have no such color. */
const colorCodes: Readonly<Record<Color, string>> = {
  plain: "",
  white: "37",
  gray: "90",
  light_gray: "37",
  dark_gray: "38;5;242",
  blue: "94",
  green: "32",
  red: "31",
  violet: "38;5;141",
  orange: "38;5;208",
  yellow: "33",
};

const attributeCodes = { bold: "1", dim: "2", struck: "9" } as const;

export function createPaint(colors: boolean): Paint {
  if (!colors) return (_color, text) => text;
  return (color, text, attribute) => {
    const codes = [attribute === undefined ? "" : attributeCodes[attribute], colorCodes[color]].filter(
      (code) => code !== "",
    );
    return codes.length === 0 || text === "" ? text : `\u001b[${codes.join(";")}m${text}\u001b[0m`;
  };
}
