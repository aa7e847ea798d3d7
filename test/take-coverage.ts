import { takeCoverage } from 'node:v8';
import { afterAll } from 'vitest';

// vitest ends its processes before they would write it themselves.
afterAll(() => takeCoverage());
