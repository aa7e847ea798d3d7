import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Application, type DeclarationReflection, ReflectionKind, TSConfigReader } from 'typedoc';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasServer, Server } from './mirror/server.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const configFile = join(root, 'tsconfig.json');

const app = await Application.bootstrap({ tsconfig: configFile, readme: 'none' }, [new TSConfigReader()]);
/** The modules that users import, by their names. */
const modules = (await app.convert())?.children ?? [];
const api = modules.flatMap(({ children = [] }) => children);

/** What has to have an example: all that is exported, and what can be called or read of it. */
const documented = api.flatMap((exported) => [
  exported,
  ...(exported.children ?? []).filter(
    (member) =>
      member.kindOf([ReflectionKind.Method, ReflectionKind.Accessor]) && !/^\[(async)?dispose]$/i.test(member.name),
  ),
]);

function examplesOf(reflection: DeclarationReflection): string[] {
  const { comment } = [reflection, reflection.getSignature, ...(reflection.signatures ?? [])].find(
    (place) => place?.comment !== undefined,
  ) as DeclarationReflection;
  const tags = comment?.getTags('@example') ?? [];
  return tags.flatMap(({ content }) => content.map(({ text }) => text.replace(/^```ts\n|\n```$/g, '')));
}

/** Without the module's name. */
const nameOf = (reflection: DeclarationReflection) => reflection.getFriendlyFullName().replace(/^[^.]*\./, '');

/** Those of guides, which are whole modules, too. */
const guideExamples = ['waiting-and-locking', 'mirror'].flatMap((guide) =>
  [...readFileSync(join(root, `docs/${guide}.md`), 'utf8').matchAll(/```ts\n(.*?)```/gs)].map(
    ([, code], i) => [`${guide} ${i + 1}`, code as string] as const,
  ),
);

const examples = documented
  .flatMap((reflection) =>
    examplesOf(reflection).map((code, i) => [nameOf(reflection) + (i ? ` (${i + 1})` : ''), code] as const),
  )
  .concat(guideExamples);

/** The servers of NATS that examples name, in the place of which they get one of their own. */
const SERVER = /(?<=nats:\/\/)[\d.]+:4222/g;
const isMirrored = ([, code]: readonly [string, string]) => code.search(SERVER) >= 0;

/** The expressions of an example with a comment after them: what it is, or which error it throws. */
function claims(code: string): { expression: ts.Expression; comment: string }[] {
  const found: ReturnType<typeof claims> = [];
  const visit = (node: ts.Node) => {
    const [comment] = ts.isExpressionStatement(node) ? (ts.getTrailingCommentRanges(code, node.end) ?? []) : [];
    if (ts.isExpressionStatement(node) && comment) {
      found.push({ expression: node.expression, comment: code.slice(comment.pos + 2, comment.end).trim() });
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('example.ts', code, ts.ScriptTarget.Latest, /*setParentNodes=*/ true));
  return found;
}

/** A module that does what the example does, and fails unless each of its claims holds and was come to. */
function moduleFrom(code: string): string {
  let body = code;
  const all = claims(code);
  for (const [i, { expression, comment }] of [...all.entries()].reverse()) {
    const error = /^throws (\w+)$/.exec(comment)?.[1];
    const text = expression.getText();
    const claim = error
      ? `assert.throws(() => ${text}, (error) => [error.code, error.name].includes('${error}'))`
      : `assert.deepStrictEqual(${text}, ${comment})`;
    body = `${body.slice(0, expression.getStart())}${claim}, left.delete(${i})${body.slice(expression.end)}`;
  }
  return [
    "import assert from 'node:assert';",
    `const left = new Set([${[...all.keys()].join()}]);`,
    "process.on('exit', (code) => code === 0 && assert.deepStrictEqual(left, new Set(), 'was not come to'));",
    ts.transpileModule(body, { compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext } })
      .outputText,
  ].join('\n');
}

/** What the compiler says of a user's modules. */
function problemsOf(files: readonly string[], options: ts.CompilerOptions): unknown[] {
  // Without a place for output, the package's name stands for what was built, and not for its source.
  const { outDir: _, ...rest } = options;
  const program = ts.createProgram(files, { ...rest, module: ts.ModuleKind.NodeNext, noEmit: true, rootDir: root });
  return ts
    .getPreEmitDiagnostics(program)
    .map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`);
}

/** Runs an example. */
function does(name: string, code: string): void {
  const file = join(folder, `${name}.mjs`);
  writeFileSync(file, moduleFrom(code));
  const { status, stderr } = spawnSync(process.execPath, [file], { encoding: 'utf8', timeout: 50_000 });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
}

// Within the package, whose name they import.
mkdirSync(join(root, 'build'), { recursive: true });
const folder = mkdtempSync(join(root, 'build/examples-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('The documentation', () => {
  test.each(documented.map((reflection) => [nameOf(reflection), reflection] as const))(
    'of %s has an example, which claims something',
    (_, reflection) => {
      expect(examplesOf(reflection).flatMap(claims).length).toBeGreaterThan(0);
    },
  );

  test('names tests that there are, as what shows the threat model', () => {
    const named = [...readFileSync(join(root, 'SECURITY.md'), 'utf8').matchAll(/(?<=[ |])\*([^*]+?)…?\*/g)];
    const names = named.map((match) => match[1] as string);
    expect(names.length).toBeGreaterThan(10);
    const files = readdirSync(import.meta.dirname, { encoding: 'utf8', recursive: true });
    const tests = files.filter((file) => file.endsWith('.test.ts') && !file.includes('node_modules'));
    const source = tests.map((file) => readFileSync(join(import.meta.dirname, file), 'utf8')).join('\n');
    expect(names.filter((name) => !source.includes(name))).toEqual([]);
  });

  test('is of all that the package exports', async () => {
    const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(modules.map(({ name }) => name)).toEqual(
      Object.keys(exports).map((path) => path.replace('.', 'dllmemfilemap')),
    );
    for (const { name, children = [] } of modules) {
      const exported = Object.keys(await import(name));
      expect(children.map(({ name }) => name)).toEqual(expect.arrayContaining(exported));
    }
  });

  test('has examples whose types are right', () => {
    const files = examples.map(([name, code], i) => {
      // Numbered, as Struct and struct are one name on some file systems.
      const file = join(folder, `${i}-${name}.ts`);
      writeFileSync(file, code);
      return file;
    });
    const { config } = ts.readConfigFile(configFile, ts.sys.readFile);
    const { options } = ts.parseJsonConfigFileContent({ ...config, files, include: [] }, ts.sys, root);
    expect(problemsOf(files, { ...options, noUnusedLocals: false, skipLibCheck: true })).toEqual([]);
  });

  test('has types for a program, too, whose own settings name no types and no library', () => {
    const file = join(folder, 'user.ts');
    writeFileSync(file, "import { FileMapping } from 'dllmemfilemap';\nFileMapping.create(null, 4096).close();\n");
    expect(problemsOf([file], { target: ts.ScriptTarget.ES2022, strict: true, types: [] })).toEqual([]);
  });

  test.each(examples.filter((example) => !isMirrored(example)))('has an example of %s that does what it says', does);

  describe.skipIf(!hasServer)('(needs nats-server)', () => {
    let server: Server;
    beforeAll(async () => {
      server = await Server.start();
    });
    afterAll(() => server.close());

    test.each(examples.filter(isMirrored))('has an example of %s that does what it says', (name, code) =>
      does(name, code.replaceAll(SERVER, `127.0.0.1:${server.port}`)),
    );
  });
});
