/** Listings of TLB contents, read and written. A door of its own, `@portolan/image/listings`: who opens an image needs none of it. */
export { LISTING_FORMAT, listingText } from "./own.js";
export { readListing, readListings } from "./read.js";
