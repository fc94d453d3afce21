/**
 * A daemon in the two roles of mdmon: a monitor, which answers what arrays ask by writing metadata and only then storing, and a manager, which
 * finds the arrays and talks with everybody else. Start at {@link redoubt.mdmon.Mdmon}.
 */
package redoubt.mdmon;
