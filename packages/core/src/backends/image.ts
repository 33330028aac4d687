import { AREA_WRITE } from "../area/area-flags.js";
import { PortolanError } from "../errors.js";
import type { ImageFile } from "../objects/image-file.js";
import { ImageObject, type ImageSegment } from "../objects/image-object.js";
import type { Backend } from "./backend.js";

/**
 * One loadable segment of an executable whose bytes are in `file`. The area starts at the segment's address rounded
 * down to the page; `segment.lead` is what was rounded away. Any file alignment is served: pages that do not coincide
 * with pages of the file are copies.
 */
export const image = (file: ImageFile, segment: ImageSegment): Backend => ({
  name: "image",
  isShareable: true,
  canChangeFlags: false,
  open(parts, _pages, flags) {
    if (!file.isIn(parts.memory)) throw new PortolanError("ERR_BAD_ARGUMENT", { image: "of another machine" });
    if (file.isClosed) throw new PortolanError("ERR_BAD_ARGUMENT", { image: "closed", imageBytes: file.bytes });
    const { lead, fileOffset, fileSize, memorySize } = segment;
    for (const [name, value] of Object.entries({ lead, fileOffset, fileSize, memorySize })) {
      if (!Number.isSafeInteger(value) || value < 0) throw new PortolanError("ERR_BAD_ARGUMENT", { [name]: value });
    }
    if (lead >= 2 ** parts.memory.frameShift || fileSize > memorySize || fileOffset + fileSize > file.bytes) {
      throw new PortolanError("ERR_BAD_ARGUMENT", { lead, fileOffset, fileSize, memorySize, imageBytes: file.bytes });
    }
    // An area that may write must not reach the image's own frames, whatever the segment says of itself.
    const writable = segment.writable || (flags & AREA_WRITE) !== 0;
    return new ImageObject(file, { ...segment, writable }, parts.objects);
  },
});
