import { type EnvoyReading, envoyPath, type GoReading, goPath, oursOf, type Seen } from './verdict.ts';

/**
 * What is wrong between us and the others on a corpus that holds each forwarded form beside its target; empty when all is well:
 * - what is forwarded is read as what was decided on: the same path and query, by Envoy byte for byte;
 * - no target is taken by both for different paths;
 * - no target that we take is refused by another;
 * - what an Envoy in front makes of a target is read here like the target itself, or one of the two is refused.
 */
export function disagreements(seen: readonly Seen[]): readonly string[] {
  const byTarget = new Map(seen.map((one) => [one.target, one]));
  return seen.flatMap((one) => {
    const ours = oursOf(one.target);
    if (ours.kind === 'refused') return [];
    const forwarded = byTarget.get(ours.forwarded);
    if (forwarded === undefined) return [`${one.target}: nobody was asked about ${ours.forwarded}`];
    const settings = ['envoy', 'envoyMerging'] as const;
    return [
      ...[one, forwarded].flatMap(({ target, go }) => (isSame(go, ours) ? [] : [`go on ${target}: ${JSON.stringify(go)}`])),
      ...settings.flatMap((name) => [
        ...(envoyPath(one[name])?.normalize('NFC') === ours.path ? [] : [`${name} on ${one.target}: ${one[name]}`]),
        ...(forwarded[name] === ours.forwarded ? [] : [`${name} on the forwarded ${ours.forwarded}: ${forwarded[name]}`]),
        ...(isSameBehind(one[name], ours.path) ? [] : [`behind ${name} ${one.target} is read as another path`]),
      ]),
    ];
  });
}

function isSame(go: GoReading, ours: { readonly path: string; readonly query: string }): boolean {
  return goPath(go)?.normalize('NFC') === ours.path && typeof go !== 'number' && go[1] === ours.query;
}

function isSameBehind(reading: EnvoyReading, path: string): boolean {
  if (typeof reading === 'number') return true;
  const behind = oursOf(reading);
  return behind.kind === 'refused' || behind.path === path;
}
