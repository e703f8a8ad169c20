import type { StringTest } from './matcher.ts';

/** A text that passes the test, as short as it can be told. */
export function passingText(test: StringTest): string {
  switch (test.op) {
    case 'exact':
      return test.value;
    case 'prefix':
      return `${test.value}x`;
    case 'suffix':
      return `x${test.value}`;
    case 'nonEmpty':
    case 'present':
      return 'x';
  }
}
