package redoubt.metadata;

/**
 * Why a plan cannot be carried out by a format.
 *
 * @param sentence what, why, and what to do
 */
public record Objection(String sentence) {}
