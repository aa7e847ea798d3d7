import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './user.js';

/** An example of the README in TypeScript, with what it takes to see what it does. */
export interface Example {
  readonly name: string;
  /** A line that no other example has. */
  readonly line: string;
  /** Code before it, and behind it; its imports count for both. */
  readonly before?: string;
  readonly after?: string;
  /** What is printed then. */
  readonly printed: string;
}

const EXAMPLES: readonly Example[] = [
  {
    name: 'first',
    line: "setSharedMem('This is a test string'); // loads the DLL at the first call, and keeps it",
    after: 'console.log(getSharedMem(), mapping.created, mapping.size, view.bytes[0]);',
    printed: 'This is a test string true 4096 1',
  },
  {
    name: 'load',
    line: 'using sharedMem = loadSharedMem(); // counts like one LoadLibrary',
    after: 'console.log(sharedMem.get());',
    printed: 'as long as this block',
  },
  {
    name: 'watch',
    line: 'for await (const text of watchSharedMem()) {',
    before: "import { setSharedMem } from 'dllmemfilemap'; setSharedMem('the end');",
    printed: 'the end',
  },
  {
    name: 'named',
    line: "using mapping = FileMapping.create('Local\\\\Scores', 65536, { security: 'user' });",
    after: 'console.log(mapping.created, mapping.size, view.readString(1024), readOnly.snapshot(0, 4)[0]);',
    printed: 'true 65536 Grüße 43',
  },
  {
    name: 'versioned',
    line: "using mapping = FileMapping.open('$rFactor2SMMP_Telemetry$', { access: 'read' });",
    before:
      "using publisher = FileMapping.create('$rFactor2SMMP_Telemetry$', 65536); publisher.mapView().bytes[100] = 7;",
    after: 'console.log(block?.length, block?.[100]);',
    printed: '1904 7',
  },
];

/** The examples of the README, each as a program. */
export function examples(): (Example & { readonly source: string })[] {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const blocks = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1] as string);
  return blocks.map((block) => {
    const example = EXAMPLES.find(({ line }) => block.split('\n').includes(line));
    if (example === undefined) throw new Error(`Nothing here says what this example of the README does:\n${block}`);
    const { before = '', after = '' } = example;
    return { ...example, source: [before, block, after].join('\n') };
  });
}
