/**
 * What the container needs of the language before it is loaded. A module of its own, and the first import of whoever imports the
 * container: bundlers that leave out what nobody uses keep its place in the order.
 */
import "reflect-metadata";
