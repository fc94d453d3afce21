/** From a set of disks, in any order, to running arrays, or to the reason why not. */
package redoubt.assembly;
