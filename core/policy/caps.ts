// The limits of the policy evaluator, each with unit, default and reason. Must never hold anything else.

/** Levels of nesting in one policy's expressions (`a && b && c` counts as one). Keeps compiling far from the end of the stack. */
export const maxExpressionDepth = 200
/** Nodes in one policy's expressions. A set of 10,000 literals fits; more belongs into a group. */
export const maxExpressionNodes = 20_000
/** Levels of nesting in a value from outside (context, attributes); Cedar's own reader stops at about 100. */
export const maxValueDepth = 100
/** Values in one attribute record or context, nested ones included. */
export const maxValueNodes = 100_000
/** UTF-16 units in one string literal, id or name in a policy. */
export const maxLiteralLength = 65_536
/** Annotations on one policy. */
export const maxAnnotations = 64
/** Policies in one set. Ten times the largest set that we measure. */
export const maxPolicies = 100_000
/** Entities above one entity, direct parents included. A chain of n levels holds n²/2 of them. */
export const maxAncestors = 2_000
/** Policies looked at to explain one denial: an explanation must not cost more than many decisions. */
export const maxExplainedPolicies = 200
/** Nearest policies reported in one denial. */
export const maxReportedPolicies = 3
/** Policies whose parts are kept read for explaining, in the whole process; about 2 KB each. */
export const maxRecentExplanations = 1_000
/** Openings shown when a change is held back; more than anybody reads. */
export const maxWidenings = 1_000
