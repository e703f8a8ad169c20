import { Problem } from '../../core/problem.ts';
import { NEWEST, PROFILES, type Profile } from '../../istio/profile.ts';
import { profileNamed } from '../../istio/profile-choice.ts';

/** The profile of `--profile`, the newest without one. Problem: USAGE. */
export function chooseProfile(name: string | undefined): Profile {
  const profile = name === undefined ? NEWEST : profileNamed(name);
  if (profile !== undefined) return profile;
  throw new Problem({
    code: 'USAGE',
    kind: 'invalid',
    message: `\`${name}\` is no profile and no Istio release that has one`,
    hint: `${Object.keys(PROFILES).join(', ')}, or an Istio minor such as 1.29`,
  });
}
