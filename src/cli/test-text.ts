interface Tested {
  readonly test: { readonly file: string; readonly line: number; readonly name: string };
  readonly passed: boolean;
  readonly message: string;
}

/** The failed ones of policy tests, each in the form of a diagnostic. */
export function failedTestTexts(tests: readonly Tested[], place: (file: string) => string): readonly string[] {
  return tests
    .filter(({ passed }) => !passed)
    .map(({ test, message }) => `${place(test.file)}:${test.line}: error: test \`${test.name}\`: ${message}`);
}
