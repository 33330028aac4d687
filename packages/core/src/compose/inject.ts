/** How a port's class says what its constructor is given: marks that the container reads. */
import "./reflect.js";
import { inject as injectMark, injectable as injectableMark } from "tsyringe";
import type { Token } from "../token.js";

/** Marks a class as a part that the container makes, once a machine. */
export const injectable = (): ClassDecorator => injectableMark() as ClassDecorator;

/** Marks a parameter of its constructor with the part that it is given. Every parameter needs one. */
export const inject = (part: Token<unknown>): ParameterDecorator => injectMark(part);
