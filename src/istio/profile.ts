/**
 * Which proxy's behaviour a verdict stands for. Releases differ in what matches (security fixes), so the profile is an input
 * of every evaluation.
 */
export interface Profile {
  readonly name: ProfileName;
  /** Repeated headers: each value on its own, or joined with `,` and matched as one. */
  readonly duplicateHeaders: 'each' | 'joined';
  /** `/..;x/` and `/.;x/` are dot segments. */
  readonly dotSegmentParameters: boolean;
  /** A regular expression (`*` on a path) can match a value with bytes 0x80 to 0xff. */
  readonly regexOnInvalidUtf8: boolean;
  /** The method QUERY is known, and refused without a content type. */
  readonly knowsQuery: boolean;
  /** An empty authority over HTTP/2 is passed on instead of the stream being reset. */
  readonly passesEmptyAuthority: boolean;
  /** Headers that token rules write are stripped rule by rule as they come to judge, so that those of rules behind the first good one stay. */
  readonly stripsClaimHeadersInTurn: boolean;
}

export type ProfileName = 'envoy-1.36' | 'envoy-1.38' | 'envoy-1.40';

export const PROFILES: Readonly<Record<ProfileName, Profile>> = {
  'envoy-1.36': {
    name: 'envoy-1.36',
    duplicateHeaders: 'joined',
    dotSegmentParameters: false,
    regexOnInvalidUtf8: false,
    knowsQuery: false,
    passesEmptyAuthority: true,
    stripsClaimHeadersInTurn: true,
  },
  'envoy-1.38': {
    name: 'envoy-1.38',
    duplicateHeaders: 'each',
    dotSegmentParameters: false,
    regexOnInvalidUtf8: false,
    knowsQuery: false,
    passesEmptyAuthority: false,
    stripsClaimHeadersInTurn: true,
  },
  'envoy-1.40': {
    name: 'envoy-1.40',
    duplicateHeaders: 'each',
    dotSegmentParameters: true,
    regexOnInvalidUtf8: true,
    knowsQuery: true,
    passesEmptyAuthority: false,
    stripsClaimHeadersInTurn: false,
  },
};

export const NEWEST: Profile = PROFILES['envoy-1.40'];
