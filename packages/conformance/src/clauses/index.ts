/** Every clause, in order of the groups. */
import type { Clause } from "../clause.js";
import { descriptionClauses } from "./l0-description.js";
import { entryClauses } from "./l0-entries.js";
import { exhaustiveClauses } from "./l0-exhaustive.js";
import { accessClauses } from "./l1-access.js";
import { vectorClauses } from "./l1-vectors.js";
import { walkClauses } from "./l1-walk.js";
import { asidClauses } from "./l2-asid.js";
import { invalidateClauses } from "./l2-invalidate.js";
import { tlbClauses } from "./l2-tlb.js";
import { tlbEntryClauses } from "./l2-tlb-entries.js";
import { areaClauses } from "./l3-areas.js";
import { backendClauses } from "./l3-backends.js";
import { historyClauses } from "./l3-history.js";
import { kernelClauses } from "./l3-kernel.js";
import { placementClauses } from "./l3-placement.js";
import { spaceClauses } from "./l3-spaces.js";
import { copyClauses } from "./l4-copies.js";
import { fileClauses } from "./l4-files.js";
import { forkClauses } from "./l4-fork.js";
import { objectClauses } from "./l4-objects.js";
import { posixClauses } from "./l4-posix.js";
import { swapClauses } from "./l4-swap.js";
import { familyInterleavingClauses } from "./l5-families.js";
import { interleavingClauses } from "./l5-interleavings.js";
import { shootdownClauses } from "./l5-shootdown.js";
import { imageFileClauses } from "./l6-images.js";
import { imageListClauses } from "./l6-list.js";
import { imageSpaceClauses } from "./l6-spaces.js";
import { imageStateClauses } from "./l6-states.js";
import { imageWalkClauses } from "./l6-walk.js";

export const clauses: readonly Clause[] = [
  ...descriptionClauses,
  ...entryClauses,
  ...exhaustiveClauses,
  ...accessClauses,
  ...walkClauses,
  ...vectorClauses,
  ...tlbClauses,
  ...invalidateClauses,
  ...tlbEntryClauses,
  ...asidClauses,
  ...placementClauses,
  ...areaClauses,
  ...spaceClauses,
  ...backendClauses,
  ...kernelClauses,
  ...historyClauses,
  ...forkClauses,
  ...copyClauses,
  ...objectClauses,
  ...fileClauses,
  ...swapClauses,
  ...posixClauses,
  ...shootdownClauses,
  ...interleavingClauses,
  ...familyInterleavingClauses,
  ...imageWalkClauses,
  ...imageListClauses,
  ...imageSpaceClauses,
  ...imageFileClauses,
  ...imageStateClauses,
];
