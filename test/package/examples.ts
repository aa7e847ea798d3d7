import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** An example of the README or of docs, with what it takes to see what it does. */
export interface Example {
  readonly name: string;
  /** A line that no other example has. */
  readonly line: string;
  /** Code before it, and after it; its imports count for both. */
  readonly before?: string;
  readonly after?: string;
  /** What is printed then. */
  readonly printed: string;
}

const EXAMPLES: readonly Example[] = [
  {
    name: 'first',
    line: "setSharedMem('This is a test string'); // loads the DLL at the first call, and keeps it",
    after: 'console.log(getSharedMem());',
    printed: 'This is a test string',
  },
  {
    name: 'scores',
    line: "using mapping = FileMapping.create('Local\\\\Scores', 65536); // or joins the one that exists",
    after: 'console.log(mapping.created, scores[0], view.readString(1024));',
    printed: 'true 1 Grüße',
  },
  {
    name: 'without-using',
    line: '  console.log(memory.snapshot(0, 4)); // a copy of the first four bytes',
    printed: 'Uint8Array(4) [ 0, 0, 0, 0 ]',
  },
  {
    name: 'counter',
    line: "using mapping = FileMapping.create('Local\\\\Counter', 4096);",
    after: 'console.log(before, Atomics.load(counter, 0));',
    printed: '0 1',
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
    printed: 'true 65536 Grüße 42',
  },
  {
    name: 'mutex',
    line: "using mutex = NamedMutex.create('Local\\\\ScoresLock');",
    after: 'console.log(mutex.created, lock.abandoned);',
    printed: 'true false',
  },
  {
    name: 'struct',
    line: "using link = await FileMapping.waitFor('MumbleLink', { access: 'read' });",
    before:
      "using publisher = FileMapping.create('MumbleLink', 65536); const published = publisher.mapView(); published.bytes[4] = 7;",
    after: 'console.log(uiTick, fAvatarPosition); published.close();',
    printed: '7 [ 0, 0, 0 ]',
  },
];

/** The blocks of code in a document that are TypeScript or JavaScript. */
function blocksOf(document: string): string[] {
  const text = readFileSync(join(root, document), 'utf8');
  return [...text.matchAll(/^```(?:ts|js)\n(.*?)^```$/gms)].map((match) => match[1] as string);
}

/** The README and the documents of docs, as paths from the root. */
export const documents = ['README.md', ...readdirSync(join(root, 'docs')).map((file) => `docs/${file}`)];

/** Where the links of a document lead that are neither absolute nor within it, as paths from the root. */
export function linksOf(document: string): string[] {
  const text = readFileSync(join(root, document), 'utf8');
  const targets = [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map((match) => match[1] as string);
  const relative = targets.filter((target) => !/^[a-z]+:/.test(target));
  return relative.map((target) => join(document, '..', target).replaceAll('\\', '/'));
}

/** Those of these say themselves what they do, or need a server: test/documentation.test.ts runs them. */
const GUIDES = ['docs/waiting-and-locking.md', 'docs/mirror.md'];

/** Their examples in TypeScript and JavaScript, each as a program. */
export function examples(): (Example & { readonly source: string })[] {
  const others = documents.filter((document) => !GUIDES.includes(document));
  return others.flatMap((document) =>
    blocksOf(document).map((block) => {
      const example = EXAMPLES.find(({ line }) => block.split('\n').includes(line));
      if (example === undefined) throw new Error(`Nothing here says what this example of ${document} does:\n${block}`);
      const { before = '', after = '' } = example;
      return { ...example, source: [before, block, after].join('\n') };
    }),
  );
}
