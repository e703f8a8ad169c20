import { PROFILES, type Profile, type ProfileName } from './profile.ts';

/**
 * A profile by its name (`envoy-1.38`) or by the minor of an Istio release (`1.29`); undefined when there is none of either.
 * A release of Istio carries one Envoy minor; its profile is the one that matches alike.
 */
export function profileNamed(text: string): Profile | undefined {
  if (Object.hasOwn(PROFILES, text)) return PROFILES[text as ProfileName];
  const name = ISTIO_MINORS.get(text.replace(/^(?:istio-|v)/, '').replace(/^([0-9]+\.[0-9]+)\..*$/, '$1'));
  return name === undefined ? undefined : PROFILES[name];
}

/** Istio minors by the profile that stands for the Envoy they carry. */
export const ISTIO_MINORS: ReadonlyMap<string, ProfileName> = new Map([
  ['1.26', 'envoy-1.36'],
  ['1.27', 'envoy-1.36'],
  ['1.28', 'envoy-1.36'],
  ['1.29', 'envoy-1.38'],
  ['1.30', 'envoy-1.38'],
  ['1.31', 'envoy-1.40'],
]);
