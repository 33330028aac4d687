/**
 * A token stands for an interface or a value in the composition room; it remembers the type it stands for.
 * Interfaces leave no trace at run time, so everything injected is named by one of these.
 */
export type Token<T> = symbol & { readonly stands?: T };

/**
 * A new token, different from every other whatever its name.
 * @param name shown when something is missing at composition
 */
export const token = <T>(name: string): Token<T> => Symbol(name);
