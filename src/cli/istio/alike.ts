/** Answers about one target each, with those that say the same of several targets together, in the order of the first of each. */
export function alike<T extends { readonly target: { readonly proxy: string; readonly port: number } }>(
  answers: readonly T[],
): readonly (readonly T[])[] {
  if (answers.length < 2) return answers.map((one) => [one]);
  const groups = new Map<string, T[]>();
  for (const one of answers) {
    const { proxy, port } = one.target;
    // What names the target itself is left out: its title, its labels, and its place, which notes repeat.
    const key = JSON.stringify([proxy, port, { ...one, target: undefined }], (name, value) =>
      name === 'place' ? undefined : value,
    );
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    group.push(one);
  }
  return [...groups.values()];
}

/** The text of the first, and the names of the others. */
export function groupText<T extends { readonly target: { readonly title: string } }>(
  group: readonly T[],
  text: (one: T) => string,
): string {
  const [first, ...others] = group;
  if (first === undefined) return '';
  const names = others.map(({ target }) => target.title).join(', ');
  return others.length === 0 ? text(first) : `${text(first)}\n\nThe same for ${names}.`;
}
