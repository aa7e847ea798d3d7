import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FileMapping } from 'dllmemfilemap';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const hasPython = process.platform === 'linux' && spawnSync('python3', ['--version']).status === 0;

/** The program in docs/other-languages.md. */
function documentedProgram(): string {
  const text = readFileSync(join(root, 'docs/other-languages.md'), 'utf8');
  return /^```python\n(.*?)^```$/ms.exec(text)?.[1] as string;
}

const run = () => spawnSync('python3', ['-'], { cwd: root, input: documentedProgram(), encoding: 'utf8' });

describe.skipIf(!hasPython)('The documented program in Python (on Linux, where there is a python3)', () => {
  test('shares memory with Node', () => {
    using mapping = FileMapping.create('Local\\Scores', 4096);
    using view = mapping.mapView();
    const scores = new Int32Array(view.bytes.buffer);
    scores[0] = 41;
    expect(run()).toMatchObject({ status: 0, stdout: '41\n', stderr: '' });
    expect(scores[1]).toBe(42);
  });

  test('says which function failed, and with which error, when no process has the mapping', () => {
    const { status, stderr } = run();
    expect(status).toBe(1);
    expect(stderr).toContain('OpenFileMappingW failed with Win32 error 2');
  });
});
