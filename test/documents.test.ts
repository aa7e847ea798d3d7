import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadSharedMem } from 'dllmemfilemap';
import ts from 'typescript';
import { describe, expect, onTestFinished, test } from 'vitest';
import { documents, examples, linksOf } from './package/examples.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const cli = join(root, 'dist/cli/main.js');

/** A folder within the package, so that the package's name is found from there. */
function temporaryFolder(): string {
  mkdirSync(join(root, 'build'), { recursive: true });
  const folder = mkdtempSync(join(root, 'build/documents-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

describe('The README and the documents', () => {
  test.each(examples())('have an example $name that does what they say', ({ source, printed }) => {
    const file = join(temporaryFolder(), 'example.mjs');
    const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
    writeFileSync(file, ts.transpileModule(source, { compilerOptions }).outputText);
    const { status, stdout, stderr } = spawnSync(process.execPath, [file], { encoding: 'utf8', timeout: 50_000 });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: `${printed}\n`, stderr: '' });
  });

  test.skipIf(process.platform === 'win32')('have commands that do what they say (not without sh)', () => {
    const text = readFileSync(join(root, 'docs/command-line.md'), 'utf8');
    const commands = /^```sh\n(echo .*?)^```$/ms.exec(text)?.[1] as string;
    const command = `dllmemfilemap() { "${process.execPath}" "${cli}" "$@"; }`;
    using _holder = loadSharedMem();
    const { status, stdout, stderr } = spawnSync('sh', ['-ec', `${command}\n${commands}`], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const [printed, dump] = stdout.split('\n');
    expect(commands).toContain(`# ${printed}\n`);
    expect(printed).not.toBe('');
    expect(dump).toMatch(/^0+:? .*T\.h\./);
  });

  test.each(documents)('%s links to what there is', (document) => {
    expect(linksOf(document).filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  test('are each linked from the README', () => {
    const linked = linksOf('README.md');
    const others = documents.filter((path) => path !== 'README.md' && path !== 'docs/api.md');
    expect(others.filter((path) => !linked.includes(path))).toEqual([]);
  });

  test('begin with a README that is read in a minute', () => {
    expect(readFileSync(join(root, 'README.md'), 'utf8').split('\n').length).toBeLessThanOrEqual(151);
  });
});
