import { expect } from "vitest";
import type { FieldRow } from "./field-row.ts";

/** Fields of the kinds of work that run code, ask databases and servers. */
export const operatorRows: readonly FieldRow[] = [
  {
    does: "bash runs code or a script, in a shell, with variables and a folder of its own",
    shows: [...["bash.bash_command", "bash.script", "bash.shell", "bash.environment", "bash.working_directory"]],
    yaml: [
      `id: shells
default_task_config: {capture_stdout: true, environment: {NAME: task}}
tasks:
  - {id: write, type: bash, operator: {working_directory: ., bash_command: "echo 'echo from a script' > hello.sh; echo written"}}
  - {id: code, type: bash, operator: {bash_command: 'echo "$NAME"', environment: {NAME: operator}}}
  - {id: script, type: bash, dependencies: [write], operator: {script: hello.sh}}
  - {id: shell, type: bash, operator: {shell: sh, bash_command: 'test -z "\${BASH_VERSION:-}" && echo "no bash"'}}
  - {id: fresh, type: bash, operator: {bash_command: 'ls -A | wc -l | tr -d " "'}}
`,
    ],
    outputs: {
      code: { return_value: "operator" },
      script: { return_value: "from a script" },
      fresh: { return_value: "0" },
    },
  },
  {
    does: "`restricted` keeps a shell to its folder and to programs by their names",
    shows: ["bash.restricted"],
    yaml: [
      `id: restricted
default_task_config: {capture_stdout: true}
tasks:
  - {id: stays, type: bash, operator: {restricted: true, bash_command: "ls -A | wc -l | tr -d ' '"}}
  - {id: leaves, type: bash, operator: {restricted: true, bash_command: "cd /"}}
  - {id: writes, type: bash, operator: {restricted: true, bash_command: "echo much > file"}}
`,
    ],
    ends: "failed",
    outputs: { stays: { return_value: "0" } },
    check(_see, { tasks }) {
      for (const id of ["leaves", "writes"]) expect(tasks[id]?.last_error).toContain("restricted");
    },
  },
  {
    does: "python runs code, a file, or what its command is taken for",
    shows: [
      ...["python.python_code", "python.python_file", "python.python_command"],
      ...["python.environment", "python.working_directory"],
    ],
    yaml: [
      `id: snakes
default_task_config: {capture_stdout: true}
parameters: {name: O'Brien}
tasks:
  - {id: write, type: bash, operator: {working_directory: ., bash_command: "echo 'import sys; print(sys.argv[1:])' > arguments.py; echo ok"}}
  - {id: code, type: python, operator: {python_code: "import os\\nprint({{ params.name }}, os.environ['KIND'])", environment: {KIND: code}}}
  - {id: file, type: python, dependencies: [write], operator: {python_file: arguments.py}}
  - {id: script, type: python, dependencies: [write], operator: {python_command: "arguments.py '{{ params.name }}'"}}
  - {id: line, type: python, dependencies: [write], operator: {python_command: "python3 arguments.py line", working_directory: .}}
`,
    ],
    outputs: {
      code: { return_value: "O'Brien code" },
      file: { return_value: "[]" },
      script: { return_value: '["O\'Brien"]' },
      line: { return_value: "['line']" },
    },
  },
  ...["files", "server"].map(
    (connection): FieldRow => ({
      does: `sql asks the connection ${connection}: statements, values as parameters, and the form of the result`,
      shows: [
        ...["sql.sql_query", "sql.query", "sql.database_connection", "sql.connection", "sql.parameters", "sql.result"],
      ],
      yaml: [
        `id: sql_${connection}
parameters: {name: "Robert'); DROP TABLE kept; --"}
tasks:
  - id: write
    type: sql
    operator:
      connection: ${connection}
      query: |
        CREATE TABLE IF NOT EXISTS kept (name text);
        DELETE FROM kept;
        INSERT INTO kept VALUES ('{{ params.name }}')
      result: count
  - {id: read, type: sql, dependencies: [write], operator: {database_connection: ${connection}, sql_query: "SELECT name FROM kept WHERE name = :name", parameters: {name: "{{ params.name }}"}}}
  - {id: silent, type: sql, dependencies: [write], operator: {connection: ${connection}, query: SELECT name FROM kept, result: none}}
`,
      ],
      outputs: {
        write: { count: 1 },
        read: { count: 1, rows: [{ name: "Robert'); DROP TABLE kept; --" }] },
      },
      check(_see, { outputs }) {
        if (outputs["silent"] !== undefined) throw new Error("`result: none` left an output");
      },
    }),
  ),
  {
    does: "sql ends a statement after `statement_timeout`, in the server too",
    shows: ["sql.statement_timeout"],
    yaml: [
      `id: sql_slow
tasks: {a: {type: sql, operator: {connection: server, query: SELECT pg_sleep(60), statement_timeout: 300ms}}}
`,
    ],
    ends: "failed",
    check: (_see, { tasks }) => expect(tasks["a"]?.last_error).toMatch(/57014|timeout/),
  },
  {
    does: "http sends method, headers and body, to a connection too, with authentication",
    shows: [
      ...["http.method", "http.url", "http.connection", "http.headers", "http.body", "http.response_output"],
      ...["http.auth", "http.auth.type", "http.auth.username", "http.auth.password", "http.auth.token"],
    ],
    yaml: [
      `id: requests
parameters: {url: ""}
tasks:
  - {id: plain, type: http, operator: {url: "{{ params.url }}/plain"}}
  - {id: full, type: http, operator: {connection: web, url: /full, method: PUT, headers: {X-Of: test}, body: {rows: 3}, response_output: answer}}
  - {id: basic, type: http, operator: {connection: web, url: /basic, auth: {type: basic, username: ada, password: secret}}}
  - {id: bearer, type: http, operator: {connection: web, url: /bearer, auth: {type: bearer, token: key}, response_output: false}}
`,
    ],
    async act({ web, trigger, ended }) {
      const run = await ended(await trigger("requests", { parameters: { url: web.url } }));
      expect(run).toMatchObject({
        state: "success",
        outputs: {
          plain: { status: 200, body: { method: "GET", url: "/plain" } },
          full: { answer: { method: "PUT", body: '{"rows":3}' } },
        },
      });
      const sent = (url: string) => web.requests.find((request) => request.url === url)?.headers;
      expect(sent("/full")).toMatchObject({ "x-of": "test" });
      expect(sent("/basic")).toMatchObject({ authorization: `Basic ${btoa("ada:secret")}` });
      expect(sent("/bearer")).toMatchObject({ authorization: "Bearer key" });
      expect(run.outputs["bearer"]).not.toHaveProperty("body");
    },
  },
  {
    does: "http takes expected statuses for a success, and follows redirects unless told",
    shows: ["http.expected_status", "http.follow_redirects"],
    yaml: [
      `id: answers
tasks:
  - {id: expected, type: http, operator: {connection: web, url: /status/418, expected_status: [418, 2xx]}}
  - {id: unexpected, type: http, operator: {connection: web, url: /status/418}}
  - {id: followed, type: http, operator: {connection: web, url: /to/there}}
  - {id: stays, type: http, operator: {connection: web, url: /to/there, follow_redirects: false, expected_status: 302}}
`,
    ],
    ends: "failed",
    tasks: { expected: { state: "success" }, unexpected: { state: "failed" } },
    outputs: { followed: { status: 200 }, stays: { status: 302 } },
  },
  {
    does: "the test doubles fail, sleep and mend as they are told",
    shows: ["millrace.test.fail.message", "millrace.test.sleep.duration", "millrace.test.flaky.failures"],
    yaml: [
      `id: doubles
tasks:
  - {id: fail, type: millrace.test.fail, operator: {message: on purpose}}
  - {id: sleep, type: millrace.test.sleep, operator: {duration: 50ms}}
  - {id: late, type: millrace.test.sleep, timeout: 300ms, operator: {}}
  - {id: flaky, type: millrace.test.flaky, retry: {max_retries: 2, delay: 50ms}, operator: {failures: 2}}
`,
    ],
    ends: "failed",
    tasks: {
      fail: { last_error: "on purpose" },
      sleep: { state: "success" },
      late: { state: "failed" },
      flaky: { state: "success", try_number: 3 },
    },
  },
];
