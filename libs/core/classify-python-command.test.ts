import { expect, test } from "vitest";
import { classifyPythonCommand } from "./classify-python-command.ts";

test.each(["transform.py", "  jobs/transform.py --day 1", "transform.py {{ params.day }}", "/opt/jobs/run.py\n"])(
  "%j is a script",
  (text) => {
    expect(classifyPythonCommand(text)).toBe("script");
  },
);

test.each([
  "python transform.py",
  "python3 -m pytest",
  "python3.12 x.py",
  "pypy3 x.py",
  "uv run x.py",
  "poetry run x",
  "pipenv run x",
  "hatch run x",
  "conda run x",
  "/usr/bin/python3 x.py",
  "./run --fast",
  ".venv/bin/python x.py",
  "~/bin/job",
  "python {{ params.script }}",
])("%j is a command line", (text) => {
  expect(classifyPythonCommand(text)).toBe("command_line");
});

test.each([
  "",
  "import os\nos.getcwd()",
  "print('transform.py')",
  "x = 1",
  "# transform.py",
  "a//b",
  "pythonic()",
  "python2 x.py",
  "open('/etc/hosts').read()",
])("%j is inline code", (text) => {
  expect(classifyPythonCommand(text)).toBe("inline");
});

test.each([
  "{{ params.script }}",
  "{{ params.dir }}/run.py",
  "python{{ params.version }} -c {{ params.code }}",
  "'/bin/rm' -rf",
  '"transform.py"',
])(
  "%j, whose first word is quoted or holds an expression, is inline code, so that no value chooses what runs",
  (text) => {
    expect(classifyPythonCommand(text)).toBe("inline");
  },
);
