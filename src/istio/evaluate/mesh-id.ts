/** The parts of an id as ztunnel reads it: of exactly this form, or none. */
export function meshId(identity: string): { readonly namespace: string; readonly account: string } | undefined {
  const parts = /^spiffe:\/\/[^/]*\/ns\/([^/]*)\/sa\/([^/]*)$/.exec(identity);
  return parts === null ? undefined : { namespace: parts[1] ?? '', account: parts[2] ?? '' };
}
