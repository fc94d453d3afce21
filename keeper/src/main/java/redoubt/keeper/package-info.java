/** Who keeps the metadata of a running array: the engine itself, member after member, each flushed. */
package redoubt.keeper;
